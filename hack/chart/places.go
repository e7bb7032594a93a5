package main

import (
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// place is a field of a manifest that depends on values.
type place struct {
	kind, name string
	path       []string
	change     change
}

// change puts what depends on values into a field, or in its place.
type change func(*generator, *yaml.MapNode) error

// clientAuthPlaces are those of what webhook.clientAuth adds.
var clientAuthPlaces = []place{
	{"Deployment", "dicer-webhook", append(container("webhook", "env"), "[name=DICER_CLIENT_ALLOWED_NAMES]", "value"), list("webhook.clientAuth.allowedNames")},
	{"Deployment", "dicer-webhook", pod("spec", "volumes", "[name=client-ca]", "configMap", "name"), value("webhook.clientAuth.configMap")},
}

// monitoringPlaces are those of what monitoring adds: who selects these objects does
// it by labels that are not known here.
var monitoringPlaces = []place{
	{"ServiceMonitor", "dicer", []string{"metadata", "labels"}, moreLabels},
	{"PrometheusRule", "dicer", []string{"metadata", "labels"}, moreLabels},
	{"ConfigMap", "dicer-dashboard", []string{"metadata", "labels"}, moreLabels},
}

var moreLabels = add(
	"{{- range $name, $value := .Values.monitoring.labels }}",
	"{{ $name | quote }}: {{ $value | quote }}",
	"{{- end }}",
)

// places returns every place of overlay o, which is the default one; allTemplates
// is that with fanout.mode all, clientAuth with webhook.clientAuth. That a manifest
// has each is checked, and by leftovers that there is no other.
func (o *overlay) places(allTemplates, clientAuth *overlay) []place {
	found := []place{
		{"ConfigMap", o.settings, []string{"data", architecturesKey}, list("architectures")},
		{"ConfigMap", o.settings, []string{"data", goldenKey}, value("goldenImagesNamespace")},
		{"ConfigMap", o.settings, []string{"data"}, add(`{{- include "dicer.moreSettings" . }}`)},
		allTemplates.more(ifAllTemplates, "Role", o.golden+"/dicer-fanout", []string{"rules"},
			"# The plain-named DataSource of a list template."),
		allTemplates.more(ifAllTemplates, "Deployment", "dicer-fanout", container("fanout", "args")),
		clientAuth.more(ifClientAuth, "Deployment", "dicer-webhook", container("webhook", "volumeMounts")),
		clientAuth.more(ifClientAuth, "Deployment", "dicer-webhook", pod("spec", "volumes"),
			"# Yours, as the CA is: a pod waits until it is there."),
		clientAuth.env(),
		{"Deployment", "dicer-fanout", container("fanout", "args"), add(
			"{{- with .Values.fanout.targetNamespaces }}",
			`- --target-namespaces={{ join "," . }}`,
			"{{- end }}",
			"{{- range .Values.fanout.extraArgs }}",
			"- {{ . | quote }}",
			"{{- end }}",
		)},
		{"NetworkPolicy", "dicer-fanout", []string{"spec", "egress"}, value("fanout.egress")},
		{"Deployment", "dicer-webhook", pod("spec", "priorityClassName"), value("webhook.priorityClassName")},
		{"ResourceQuota", "dicer-critical-pods", []string{"spec", "scopeSelector", "matchExpressions", "[scopeName=PriorityClass]", "values"}, quotaClass},
		{"ResourceQuota", "dicer-critical-pods", []string{"spec"}, add(`{{- include "dicer.checkNamespace" . }}`)},
		o.condition("MutatingWebhookConfiguration", "mutate.dataimportcron.dicer.dev"),
		o.condition("ValidatingWebhookConfiguration", "validate.dataimportcron.dicer.dev"),
	}
	for _, component := range []string{"webhook", "fanout"} {
		deployment := "dicer-" + component
		found = append(found,
			place{"Deployment", deployment, []string{"spec", "replicas"}, value(component + ".replicas")},
			place{"Deployment", deployment, container(component, "resources"), value(component + ".resources")},
			place{"Deployment", deployment, container(component, "image"), image},
			place{"Deployment", deployment, container(component, "imagePullPolicy"), value("image.pullPolicy")},
			place{"Deployment", deployment, pod("metadata", "annotations"), value(component + ".podAnnotations")},
			place{"Deployment", deployment, pod("spec", "nodeSelector"), value(component + ".nodeSelector")},
			place{"Deployment", deployment, pod("spec"), add(
				"{{- with .Values."+component+".tolerations }}",
				"tolerations:",
				"{{- toYaml . | nindent INDENT }}",
				"{{- end }}",
				"{{- with .Values.imagePullSecrets }}",
				"imagePullSecrets:",
				"{{- toYaml . | nindent INDENT }}",
				"{{- end }}",
			)},
		)
	}
	return found
}

const (
	ifAllTemplates = `if eq (toString $.Values.fanout.mode) "all"`
	ifClientAuth   = "if .Values.webhook.clientAuth.enabled"
)

// more is a list that is longer where action says so, by what overlay o has there
// beyond the default one. A component's patch has no comment to take over.
func (o *overlay) more(action, kind, name string, path []string, comment ...string) place {
	return place{kind, name, path, func(g *generator, at *yaml.MapNode) error {
		object, err := o.find(kind, name)
		if err != nil {
			return err
		}
		longer, err := fieldAt(object.RNode, path)
		if err != nil {
			return err
		}
		items, ours := longer.Value.Content(), len(at.Value.Content())
		if len(items) <= ours {
			return fmt.Errorf("%s: components/%s adds nothing", strings.Join(path, "."), o.name)
		}
		text, err := g.text(yaml.NewRNode(&yaml.Node{Kind: yaml.SequenceNode, Content: items[ours:]}))
		if err != nil {
			return err
		}
		lines := append([]string{"{{- " + action + " }}"}, comment...)
		return add(append(lines, strings.TrimSuffix(text, "\n"), "{{- end }}")...)(g, at)
	}}
}

// env is the webhook's, which it has in overlay o alone.
func (o *overlay) env() place {
	return place{"Deployment", "dicer-webhook", pod("spec", "containers"), func(g *generator, at *yaml.MapNode) error {
		object, err := o.find("Deployment", "dicer-webhook")
		if err != nil {
			return err
		}
		env, err := fieldAt(object.RNode, container("webhook", "env"))
		if err != nil {
			return err
		}
		alone := yaml.NewMapRNode(nil)
		if err := alone.PipeE(yaml.SetField("env", env.Value)); err != nil {
			return err
		}
		text, err := g.text(alone)
		if err != nil {
			return err
		}
		ours, err := at.Value.Pipe(yaml.Lookup("[name=webhook]"))
		if err != nil {
			return err
		}
		return add(wrap(text, ifClientAuth))(g, &yaml.MapNode{Value: ours})
	}}
}

func pod(path ...string) []string { return append([]string{"spec", "template"}, path...) }

func container(name, field string) []string {
	return pod("spec", "containers", "[name="+name+"]", field)
}

// condition is where a webhook's match conditions have the architectures: in
// quotes, as components/settings says.
func (o *overlay) condition(kind, webhook string) place {
	path := []string{"webhooks", "[name=" + webhook + "]", "matchConditions", "[name=incomplete-on-create]", "expression"}
	return place{kind, "dicer", path, quotedIn(o.architectures, `{{ join "," .Values.architectures }}`)}
}

// policyPlaces are those of what policies adds. What becomes of findings is one value
// for both: its words are theirs.
func (o *overlay) policyPlaces() []place {
	var found []place
	for _, name := range []string{"dicer-dataimportcrons", "dicer-ssps"} {
		found = append(found,
			place{"ValidatingAdmissionPolicy", name, []string{"spec", "variables", "[name=accepted]", "expression"},
				quotedIn(o.architectures, `{{ join "," .Values.architectures }}`)},
			place{"ValidatingAdmissionPolicyBinding", name, []string{"spec", "validationActions"}, func(g *generator, at *yaml.MapNode) error {
				g.replaceWith(at, "[{{ .Values.validationAction }}]")
				return nil
			}},
		)
	}
	return append(found, place{"ValidatingAdmissionPolicy", "dicer-ssps", []string{"spec", "variables", "[name=golden]", "expression"},
		quotedIn(o.golden, "{{ .Values.goldenImagesNamespace }}")})
}

// quotedIn puts an action where an expression has a text in double quotes.
func quotedIn(text, action string) change {
	return func(g *generator, at *yaml.MapNode) error {
		before, after, found := strings.Cut(at.Value.YNode().Value, `"`+text+`"`)
		if !found {
			return fmt.Errorf("expression: no %q in it", text)
		}
		at.Value.YNode().Value = before + `"` + g.inline(action) + `"` + after
		return nil
	}
}

// put puts the values into the overlay's objects.
func (g *generator) put(o *overlay, places []place) error {
	for _, p := range places {
		object, err := o.find(p.kind, p.name)
		if err != nil {
			return err
		}
		at, err := fieldAt(object.RNode, p.path)
		if err == nil {
			err = p.change(g, at)
		}
		if err != nil {
			return fmt.Errorf("overlays/%s: %s %s: %w", o.name, p.kind, p.name, err)
		}
	}
	return nil
}

// leftovers fails where a manifest has something that is a value in the chart,
// at a place that is not known.
func (g *generator) leftovers(o *overlay) error {
	var errs []error
	for _, object := range o.objects {
		object.visit(func(path string, scalar *yaml.Node) {
			golden := strings.Contains(scalar.Value, o.golden) && path != "metadata.namespace"
			if golden || strings.Contains(scalar.Value, o.architectures) || strings.Contains(scalar.Value, g.image) {
				errs = append(errs, fmt.Errorf("overlays/%s: %s %s: %s: %q: it is a value of the chart, and hack/chart/places.go has no such place",
					o.name, object.GetKind(), object.GetName(), path, scalar.Value))
			}
		})
	}
	return errors.Join(errs...)
}

// value makes what stands there the default of a value.
func value(name string) change {
	return func(g *generator, at *yaml.MapNode) error {
		g.defaults.add(defaultValue{"values.yaml", name, at.Value.Copy(), at.Key.YNode().HeadComment})
		action := "{{ .Values." + name + " }}"
		switch {
		case at.Value.YNode().Kind != yaml.ScalarNode:
			action = "{{- toYaml .Values." + name + " | nindent INDENT }}"
		case at.Value.IsStringValue():
			action = "{{ .Values." + name + " | quote }}"
		}
		g.replaceWith(at, action)
		return nil
	}
}

// list is value for a list that is one word in the manifest, with commas.
func list(name string) change {
	return func(g *generator, at *yaml.MapNode) error {
		items := yaml.NewListRNode(strings.Split(at.Value.YNode().Value, ",")...)
		g.defaults.add(defaultValue{"values.yaml", name, items, ""})
		g.replaceWith(at, `{{ join "," .Values.`+name+` | quote }}`)
		return nil
	}
}

// image is value for the image's name: its tag is the chart's appVersion.
func image(g *generator, at *yaml.MapNode) error {
	g.image = at.Value.YNode().Value
	colon := strings.LastIndex(g.image, ":")
	// What stands before a slash is a registry's port.
	if colon <= strings.LastIndex(g.image, "/") {
		return fmt.Errorf("image: %q has no tag", g.image)
	}
	g.defaults.add(defaultValue{"values.yaml", "image.repository", yaml.NewStringRNode(g.image[:colon]), ""})
	g.defaults.add(defaultValue{"Chart.yaml", "appVersion", yaml.NewStringRNode(g.image[colon+1:]), ""})
	g.replaceWith(at, `{{ include "dicer.image" . | quote }}`)
	return nil
}

// quotaClass has the quota be for the class of the webhook's pods; where that is
// none, for the manifest's.
func quotaClass(g *generator, at *yaml.MapNode) error {
	classes := at.Value.Content()
	if len(classes) != 1 {
		return fmt.Errorf("values: %d priority classes; want one", len(classes))
	}
	g.replaceWith(at, fmt.Sprintf("[{{ .Values.webhook.priorityClassName | default %q | quote }}]", classes[0].Value))
	return nil
}

// replaceWith puts an action there. The comment goes: it was about the value.
func (g *generator) replaceWith(at *yaml.MapNode, action string) {
	at.Key.YNode().HeadComment = ""
	at.Value.SetYNode(yaml.NewStringRNode(g.inline(action)).YNode())
}

// add puts lines at the end of a list, or of an object's fields.
func add(text ...string) change {
	return func(g *generator, at *yaml.MapNode) error {
		node := at.Value.YNode()
		node.Content = append(node.Content, yaml.NewStringRNode(g.lines(text...)).YNode())
		if node.Kind == yaml.MappingNode {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagNull, Value: "null"})
		}
		return nil
	}
}
