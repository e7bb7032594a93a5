package admission

import (
	"regexp"
	"slices"
	"strings"

	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	kjson "sigs.k8s.io/json"
)

// What follows reads once more, with CDI's types and without pkg/arch, what becomes
// of a DataImportCron at its creation. It has names of its own for all it needs, so
// that a wrong one is found.
const (
	listAnnotation    = "ssp.kubevirt.io/dict.architectures"
	architectureLabel = "template.kubevirt.io/architecture"
	dataSourceLabel   = "cdi.kubevirt.io/storage.import.datasource-name"
)

var labelValue = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)

// completed makes the changes 2 to 6 to an object in place; false where it has to be
// left as it is.
func completed(object map[string]any, raw []byte, accepted []string) bool {
	var d cdiv1beta1.DataImportCron
	if kjson.UnmarshalCaseSensitivePreserveInts(raw, &d) != nil || d.Labels["app.kubernetes.io/managed-by"] == "ssp-operator" {
		return false
	}
	a := declared(&d, accepted)
	base := baseOf(&d, a, accepted)
	if a == "" || base == "" || len(d.Name) > 63 {
		return false
	}
	if source := d.Spec.Template.Spec.Source; source != nil && source.Registry != nil {
		if p := source.Registry.Platform; p != nil && p.Architecture != "" && p.Architecture != a {
			return false
		}
		put(object, a, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	}
	put(object, base+"-"+a, "spec", "managedDataSource")
	put(object, a, "metadata", "labels", architectureLabel)
	put(object, base, "metadata", "labels", dataSourceLabel)
	if _, listed := d.Annotations[listAnnotation]; listed {
		delete(object["metadata"].(map[string]any)["annotations"].(map[string]any), listAnnotation)
	}
	return true
}

// declared is the architecture that the object names without contradiction; empty
// where it names none.
func declared(d *cdiv1beta1.DataImportCron, accepted []string) string {
	var items []string
	for i, item := range strings.Split(d.Annotations[listAnnotation], ",") {
		item = strings.TrimSpace(item)
		if !slices.Contains(accepted, item) || slices.Contains(items[:i], item) {
			// The empty string is no list. Of any other, one wrong item is enough.
			if d.Annotations[listAnnotation] != "" {
				return ""
			}
			break
		}
		items = append(items, item)
	}
	label, labelled := d.Labels[architectureLabel]
	switch {
	case !labelled && len(items) == 1:
		return items[0]
	case slices.Contains(accepted, label) && (items == nil || slices.Contains(items, label)):
		return label
	}
	return ""
}

// baseOf is the managed DataSource's name without the architecture; empty where
// there is none, or it cannot be had without a contradiction.
func baseOf(d *cdiv1beta1.DataImportCron, a string, accepted []string) string {
	name := d.Spec.ManagedDataSource
	for _, other := range accepted {
		if other != a && strings.HasSuffix(name, "-"+other) {
			return ""
		}
	}
	base := d.Labels[dataSourceLabel]
	switch {
	case base == "":
		base = strings.TrimSuffix(name, "-"+a)
	case name != base && name != base+"-"+a:
		return ""
	}
	if len(base)+1+len(a) > 63 || !labelValue.MatchString(base) {
		return ""
	}
	return base
}

// put sets a field, and makes the objects around it where there are none.
func put(object map[string]any, value, name string, more ...string) {
	if len(more) == 0 {
		object[name] = value
		return
	}
	inner, _ := object[name].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		object[name] = inner
	}
	put(inner, value, more[0], more[1:]...)
}
