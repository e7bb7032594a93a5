package arch

import (
	"maps"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
)

const platformPath = "/spec/template/spec/source/registry/platform"

// complete returns the JSON patch (RFC 6902) that completes a DataImportCron
// for a, with the managed DataSource's name base before the suffix: changes 2
// to 6 of the package comment. What is right already gets no operation, so a
// complete object gets none.
func complete(d *DataImportCron, a Arch, base string) []jsonpatch.Operation {
	return append(completeNames(d, a, base), completePlatform(d, a)...)
}

// completeNames makes the changes 3 to 6.
func completeNames(d *DataImportCron, a Arch, base string) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	if d.Metadata.Labels == nil {
		ops = append(ops, jsonpatch.NewOperation("add", "/metadata/labels", map[string]string{ArchitectureLabel: string(a), BaseLabel: base}))
	} else {
		ops = setLabel(ops, d, ArchitectureLabel, string(a))
		ops = setLabel(ops, d, BaseLabel, base)
	}
	if _, ok := d.Metadata.Annotations[ListAnnotation]; ok {
		ops = append(ops, jsonpatch.NewOperation("remove", pointer("metadata", "annotations", ListAnnotation), nil))
	}
	return append(ops, completeDataSource(d, a, base)...)
}

// Cut returns the JSON patch that turns a template into its DataImportCron for
// a in a namespace: all six changes. Of the template's metadata only name,
// labels and annotations are carried, without what describes the template's
// own object. Applied to its own result it is empty.
func Cut(t *DataImportCron, a Arch, namespace string) []jsonpatch.Operation {
	if t.CompleteFor(a) && t.hasSuffixedName(a) {
		return nil
	}
	base := t.Spec.ManagedDataSource
	labels := map[string]string{ArchitectureLabel: string(a), BaseLabel: base}
	ops := identify(t, t.Metadata.Name+a.Suffix(), namespace, labels)
	ops = append(ops, completeDataSource(t, a, base)...)
	return append(ops, completePlatform(t, a)...)
}

// Carry returns the JSON patch that turns a template without a list into its
// one DataImportCron in a namespace: the spec as it is, and of the metadata
// what Cut carries.
func Carry(t *DataImportCron, namespace string) []jsonpatch.Operation {
	return identify(t, t.Metadata.Name, namespace, nil)
}

// identify makes a template a DataImportCron of that name, with the template's
// labels and more.
func identify(t *DataImportCron, name, namespace string, more map[string]string) []jsonpatch.Operation {
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
	return []jsonpatch.Operation{
		jsonpatch.NewOperation("add", "/apiVersion", "cdi.kubevirt.io/v1beta1"),
		jsonpatch.NewOperation("add", "/kind", "DataImportCron"),
		jsonpatch.NewOperation("add", "/metadata", metadata),
	}
}

// completeDataSource makes change 3. "add" replaces what is there.
func completeDataSource(d *DataImportCron, a Arch, base string) []jsonpatch.Operation {
	name := base + a.Suffix()
	if d.Spec.ManagedDataSource == name {
		return nil
	}
	return []jsonpatch.Operation{jsonpatch.NewOperation("add", "/spec/managedDataSource", name)}
}

// completePlatform makes change 2.
func completePlatform(d *DataImportCron, a Arch) []jsonpatch.Operation {
	r := d.Spec.Template.Spec.Source.Registry
	switch {
	case r == nil || d.Platform() == string(a):
		return nil
	case r.Platform == nil:
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", platformPath, map[string]string{"architecture": string(a)})}
	default:
		// The platform's other fields are the user's.
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", platformPath+"/architecture", string(a))}
	}
}

func setLabel(ops []jsonpatch.Operation, d *DataImportCron, key, value string) []jsonpatch.Operation {
	if have, ok := d.Metadata.Labels[key]; ok && have == value {
		return ops
	}
	return append(ops, jsonpatch.NewOperation("add", pointer("metadata", "labels", key), value))
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
