package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func template(name string) string { return filepath.Join(chart, "templates", name) }

// templates writes one for each kind of object, and the settings. What the other
// overlays do not have goes with the value that they stand for.
func (g *generator) templates(written files, all, openshift, webhookOnly *overlay) error {
	for _, object := range all.objects {
		inside := actions(object, openshift, webhookOnly)
		if object.GetKind() == "ConfigMap" {
			if err := g.settings(written, object, all.settings); err != nil {
				return err
			}
		}
		if other := openshift.get(object.key()); other != nil {
			if err := g.annotate(object, other); err != nil {
				return err
			}
		}
		if err := g.write(written, object, inside...); err != nil {
			return err
		}
	}
	for _, o := range []*overlay{openshift, webhookOnly} {
		for _, object := range o.objects {
			if all.get(object.key()) == nil {
				return fmt.Errorf("overlays/%s: %s %s is not in overlays/%s, and the chart has no value that brings it",
					o.name, object.GetKind(), object.GetName(), all.name)
			}
		}
	}
	return nil
}

// write writes an object inside of actions into the template of its kind.
func (g *generator) write(written files, object *object, inside ...string) error {
	text, err := g.text(object.RNode)
	if err != nil {
		return err
	}
	file := template(strings.ToLower(object.GetKind()) + ".yaml")
	if written[file] == "" {
		written[file] = header
	}
	written[file] += wrap("---\n"+text, inside...)
	return nil
}

// actions returns what an object of the default overlay is inside of.
func actions(object *object, openshift, webhookOnly *overlay) []string {
	var found []string
	if object.GetKind() == "Namespace" {
		found = append(found, "if .Values.createNamespace")
	}
	if openshift.get(object.key()) == nil {
		found = append(found, ifSource("cert-manager"))
	}
	if webhookOnly.get(object.key()) == nil {
		found = append(found, `if include "dicer.fanout" .`)
	}
	if object.golden {
		found = append(found, `range $namespace := include "dicer.fanoutNamespaces" . | fromJsonArray`)
	}
	return found
}

func ifSource(name string) string { return `if eq .Values.certificates.source "` + name + `"` }

// wrap puts text inside of actions, the first of which is the outermost.
func wrap(text string, actions ...string) string {
	for _, action := range slices.Backward(actions) {
		text = "{{- " + action + " }}\n" + text + "{{- end }}\n"
	}
	return text
}

// annotate has an object annotated by who issues the certificate, where
// openshift's is annotated otherwise.
func (g *generator) annotate(object, openshift *object) error {
	ours, err := g.annotations(object)
	if err != nil {
		return err
	}
	theirs, err := g.annotations(openshift)
	if err != nil || ours == theirs {
		return err
	}
	var text string
	if ours != "" {
		text += wrap(ours, ifSource("cert-manager"))
	}
	if theirs != "" {
		text += wrap(theirs, ifSource("openshift"))
	}
	metadata := object.Field("metadata")
	if err := metadata.Value.PipeE(yaml.Clear("annotations")); err != nil {
		return err
	}
	return add(text)(g, metadata)
}

// annotations returns the field as text, or nothing where there is none.
func (g *generator) annotations(object *object) (string, error) {
	field := object.Field("metadata").Value.Field("annotations")
	if field.IsNilOrEmpty() {
		return "", nil
	}
	alone := yaml.NewMapRNode(nil)
	if err := alone.PipeE(yaml.SetField("annotations", field.Value)); err != nil {
		return "", err
	}
	return g.text(alone)
}

// settings writes the templates of the ConfigMap's content and of its name, and
// has the ConfigMap include the former.
func (g *generator) settings(written files, configMap *object, name string) error {
	data := configMap.Field("data")
	content, err := g.text(data.Value)
	if err != nil {
		return err
	}
	base := name[:strings.LastIndex(name, "-")]
	written[template("_settings.tpl")] = header +
		"{{- define \"dicer.settings\" -}}\n" + content + "{{- end }}\n\n" +
		"{{- define \"dicer.settingsName\" -}}\n" +
		base + "-{{ include \"dicer.settings\" . | fromYaml | include \"dicer.hash\" }}\n" +
		"{{- end }}\n"
	g.replaceWith(data, `{{- include "dicer.settings" . | nindent INDENT }}`)
	return nil
}
