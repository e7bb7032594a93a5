package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The overlays of deploy/overlays. The first is the chart's default; the others
// tell which of its objects go with which value. The last four are made by load.
const (
	defaultOverlay      = "default"
	openshiftOverlay    = "openshift"
	webhookOnlyOverlay  = "webhook-only"
	templatesAllOverlay = "templates-all"
	clientAuthOverlay   = "client-auth"
	monitoringOverlay   = "monitoring"
	policiesOverlay     = "policies"
)

// The ConfigMap's keys that have a value of their own in the chart.
const (
	architecturesKey = "DICER_ARCHITECTURES"
	goldenKey        = "DICER_GOLDEN_IMAGES_NAMESPACE"
)

// overlay is one rendered.
type overlay struct {
	name    string
	objects []*object
	// settings is the ConfigMap's name, with the hash of its content.
	settings string
	// What stands in its manifests and is a value in the chart.
	namespace, architectures, golden string
}

// object is a manifest with its comments.
type object struct {
	*yaml.RNode
	// golden tells that it is of the golden images' namespace.
	golden bool
}

// load reads deploy/ but for the chart, and adds the default overlay with each
// component that is a value of the chart and in no overlay.
func load(deploy string) (filesys.FileSystem, error) {
	tree := filesys.MakeFsInMemory()
	err := fs.WalkDir(os.DirFS(deploy), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path == "chart":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		content, err := os.ReadFile(filepath.Join(deploy, path))
		if err != nil {
			return err
		}
		return tree.WriteFile(path, content)
	})
	if err != nil {
		return nil, err
	}
	kustomization := func(overlay string) string { return filepath.Join("overlays", overlay, "kustomization.yaml") }
	content, err := tree.ReadFile(kustomization(defaultOverlay))
	if err != nil {
		return nil, err
	}
	const last = "- ../../components/settings\n"
	before, after, found := strings.Cut(string(content), last)
	if !found {
		return nil, fmt.Errorf("overlays/%s: no %q in its components", defaultOverlay, last)
	}
	for _, name := range []string{templatesAllOverlay, clientAuthOverlay, monitoringOverlay, policiesOverlay} {
		with := before + "- ../../components/" + name + "\n" + last + after
		if err := tree.WriteFile(kustomization(name), []byte(with)); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// render does what kubectl 1.36's kustomize does, by its library: no binary has
// to be there, and the manifests' comments stay, which kubectl leaves away.
func render(tree filesys.FileSystem, name string) (*overlay, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(tree, filepath.Join("overlays", name))
	if err != nil {
		return nil, err
	}
	o := &overlay{name: name}
	for _, r := range resources.Resources() {
		o.objects = append(o.objects, &object{RNode: &r.RNode})
		if text, err := r.RNode.String(); err != nil {
			return nil, err
		} else if strings.Contains(text, "{{") && name != monitoringOverlay {
			return nil, fmt.Errorf("overlays/%s: %s %s: Helm would take its {{ for a template's", name, r.GetKind(), r.GetName())
		}
		switch r.GetKind() {
		case "Namespace":
			o.namespace = r.GetName()
		case "ConfigMap":
			// The dashboard is one, too.
			if data := r.GetDataMap(); data[architecturesKey] != "" {
				o.settings, o.architectures, o.golden = r.GetName(), data[architecturesKey], data[goldenKey]
			}
		}
	}
	if o.namespace == "" || o.architectures == "" || o.golden == "" {
		return nil, fmt.Errorf("overlays/%s: want a Namespace, and a ConfigMap with %s and %s", name, architecturesKey, goldenKey)
	}
	return o, nil
}

// generalize puts in the values that any manifest may name, wherever they are.
func (o *overlay) generalize(m *marks) error {
	for _, object := range o.objects {
		if object.golden = object.GetNamespace() == o.golden; object.golden {
			if err := object.SetNamespace(m.inline("{{ $namespace | quote }}")); err != nil {
				return err
			}
		}
		object.visit(func(_ string, scalar *yaml.Node) {
			switch scalar.Value {
			case o.settings:
				scalar.Value = m.inline(`{{ include "dicer.settingsName" . | quote }}`)
			case o.namespace:
				// Quoted: a namespace may be called 1.
				scalar.Value = m.inline("{{ $.Release.Namespace | quote }}")
			default:
				scalar.Value = strings.ReplaceAll(scalar.Value, o.namespace, m.inline("{{ $.Release.Namespace }}"))
			}
		})
	}
	return nil
}

// beyond returns the objects that the default overlay does not have, escaped.
func (o *overlay) beyond(all *overlay, m *marks) []*object {
	var found []*object
	for _, object := range o.objects {
		if all.get(object.key()) == nil {
			object.escape(m)
			found = append(found, object)
		}
	}
	return found
}

// escape has Helm leave alone what is Prometheus' and Grafana's: their templates
// begin as its own.
func (o *object) escape(m *marks) {
	o.visit(func(_ string, scalar *yaml.Node) {
		scalar.Value = strings.ReplaceAll(scalar.Value, "{{", m.inline(`{{ "{{" }}`))
	})
}

// find returns the object of a kind and name, or namespace/name.
func (o *overlay) find(kind, name string) (*object, error) {
	for _, object := range o.objects {
		if object.GetKind() == kind && (object.GetName() == name || object.GetNamespace()+"/"+object.GetName() == name) {
			return object, nil
		}
	}
	return nil, fmt.Errorf("overlays/%s: no %s %s", o.name, kind, name)
}

// get returns the object of a key, nil where the overlay has none.
func (o *overlay) get(key string) *object {
	for _, object := range o.objects {
		if object.key() == key {
			return object
		}
	}
	return nil
}

func (o *object) key() string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// visit calls f for each scalar but the names of fields.
func (o *object) visit(f func(path string, scalar *yaml.Node)) { visit(o.YNode(), "", f) }

func visit(node *yaml.Node, path string, f func(string, *yaml.Node)) {
	switch node.Kind {
	case yaml.ScalarNode:
		f(path, node)
	case yaml.SequenceNode:
		for i, item := range node.Content {
			visit(item, fmt.Sprintf("%s[%d]", path, i), f)
		}
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			visit(node.Content[i+1], strings.TrimPrefix(path+"."+node.Content[i].Value, "."), f)
		}
	}
}
