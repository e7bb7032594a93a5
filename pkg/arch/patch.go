package arch

import (
	"maps"
	"strings"
)

// Operation is one operation of a JSON patch (RFC 6902).
type Operation struct {
	// Op is "add", which replaces what is there, or "remove".
	Op string `json:"op"`
	// Path is a JSON pointer (RFC 6901).
	Path string `json:"path"`
	// Value is nil for "remove" alone.
	Value any `json:"value,omitempty"`
}

func add(path string, value any) Operation { return Operation{Op: "add", Path: path, Value: value} }

// maxOperations complete a DataImportCron at the most: one for each of the changes 2
// to 6.
const maxOperations = 5

const platformPointer = "/spec/template/spec/source/registry/platform"

var (
	listPointer      = pointer("metadata", "annotations", ListAnnotation)
	archLabelPointer = pointer("metadata", "labels", ArchitectureLabel)
	baseLabelPointer = pointer("metadata", "labels", BaseLabel)
)

// complete returns the JSON patch (RFC 6902) that completes a DataImportCron
// for a, with the managed DataSource's name base before the suffix: changes 2
// to 6 of the package comment. What is right already gets no operation, so a
// complete object gets none.
func complete(d *DataImportCron, a Arch, base string) []Operation {
	return completePlatform(completeNames(d, a, base), d, a)
}

// completeNames makes the changes 3 to 6.
func completeNames(d *DataImportCron, a Arch, base string) []Operation {
	ops := make([]Operation, 0, maxOperations)
	if d.Metadata.Labels == nil {
		ops = append(ops, add("/metadata/labels", map[string]string{ArchitectureLabel: string(a), BaseLabel: base}))
	} else {
		ops = setLabel(ops, d, ArchitectureLabel, archLabelPointer, string(a))
		ops = setLabel(ops, d, BaseLabel, baseLabelPointer, base)
	}
	if _, ok := d.Metadata.Annotations[ListAnnotation]; ok {
		ops = append(ops, Operation{Op: "remove", Path: listPointer})
	}
	return completeDataSource(ops, d, a, base)
}

// Cut returns the JSON patch that turns a template into its DataImportCron for
// a in a namespace: all six changes. Of the template's metadata only name,
// labels and annotations are carried, without what describes the template's
// own object. Applied to its own result it is empty.
func Cut(t *DataImportCron, a Arch, namespace string) []Operation {
	if t.CompleteFor(a) && t.hasSuffixedName(a) {
		return nil
	}
	base := t.Spec.ManagedDataSource
	labels := map[string]string{ArchitectureLabel: string(a), BaseLabel: base}
	ops := identify(t, t.Metadata.Name+a.Suffix(), namespace, labels)
	return completePlatform(completeDataSource(ops, t, a, base), t, a)
}

// Carry returns the JSON patch that turns a template without a list into its
// one DataImportCron in a namespace: the spec as it is, and of the metadata
// what Cut carries.
func Carry(t *DataImportCron, namespace string) []Operation {
	return identify(t, t.Metadata.Name, namespace, nil)
}

// identify makes a template a DataImportCron of that name, with the template's
// labels and more.
func identify(t *DataImportCron, name, namespace string, more map[string]string) []Operation {
	metadata := map[string]any{"name": name, "namespace": namespace}
	labels := make(map[string]string, len(t.Metadata.Labels)+len(more))
	maps.Copy(labels, t.Metadata.Labels)
	maps.Copy(labels, more)
	if len(labels) > 0 {
		metadata["labels"] = labels
	}
	if annotations := carried(t.Metadata.Annotations); len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return []Operation{
		add("/apiVersion", "cdi.kubevirt.io/v1beta1"),
		add("/kind", "DataImportCron"),
		add("/metadata", metadata),
	}
}

// completeDataSource makes change 3. "add" replaces what is there.
func completeDataSource(ops []Operation, d *DataImportCron, a Arch, base string) []Operation {
	name := base + a.Suffix()
	if d.Spec.ManagedDataSource == name {
		return ops
	}
	return append(ops, add("/spec/managedDataSource", name))
}

// platform is a registry source's, of which nothing else is known.
type platform struct {
	Architecture Arch `json:"architecture"`
}

// completePlatform makes change 2.
func completePlatform(ops []Operation, d *DataImportCron, a Arch) []Operation {
	r := d.Spec.Template.Spec.Source.Registry
	switch {
	case r == nil || d.Platform() == string(a):
		return ops
	case r.Platform == nil:
		return append(ops, add(platformPointer, platform{a}))
	default:
		// The platform's other fields are the user's.
		return append(ops, add(platformPointer+"/architecture", string(a)))
	}
}

// setLabel sets the label of a key, at its JSON pointer.
func setLabel(ops []Operation, d *DataImportCron, key, at, value string) []Operation {
	if have, ok := d.Metadata.Labels[key]; ok && have == value {
		return ops
	}
	return append(ops, add(at, value))
}

// carried returns the annotations of a template that its DataImportCrons get.
func carried(annotations map[string]string) map[string]string {
	out := make(map[string]string, len(annotations))
	for key, value := range annotations {
		if key != ListAnnotation && key != lastAppliedAnnotation && !strings.HasPrefix(key, operatorSDKPrefix) {
			out[key] = value
		}
	}
	return out
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// pointer builds a JSON pointer (RFC 6901) from unescaped tokens.
func pointer(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(pointerEscaper.Replace(t))
	}
	return b.String()
}
