package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
)

// pick chooses one of values.
func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// generate makes a DataImportCron that may be complete, incomplete,
// contradictory or without a declaration.
func generate(random *rand.Rand, prefix string) *unstructured.Unstructured {
	a := pick(random, "amd64", "arm64", "s390x", "mips", "AMD64", "")
	other := func() string { return pick(random, a, a, a, a, a, a, "amd64", "arm64", "") }
	suffix := func(s string) string {
		if s == "" {
			return ""
		}
		return "-" + s
	}
	base := pick(random, "x", "x", "x", "x-arm64", strings.Repeat("a", 57), strings.Repeat("a", 58))
	name := prefix + suffix(other())
	if random.IntN(20) == 0 {
		name = prefix + "-" + strings.Repeat("n", 50) + suffix(a)
	}
	source := pick(random, "http: {url: 'http://x.invalid'}", "imageio: {diskId: x, url: x}", "pvc: {name: x, namespace: x}")
	if random.IntN(8) > 0 {
		source = registry
		if platform := other(); platform != "" || random.IntN(2) == 0 {
			source = registryOf(platform)
		}
	}
	obj := dic(name, "", base+suffix(other()), source)
	if random.IntN(6) > 0 && a != "" || random.IntN(20) == 0 {
		set(obj, a, "metadata", "labels", archKey)
	}
	if random.IntN(4) > 0 {
		set(obj, pick(random, base, base, base, base, "x", ""), "metadata", "labels", baseKey)
	}
	if random.IntN(4) == 0 {
		set(obj, pick(random, "", a, a, "amd64", "amd64,arm64", " arm64 ", ","), "metadata", "annotations", listKey)
	}
	return obj
}

// spoil makes an object odd: what a client may send, though no schema lets all
// of it through. A mutating webhook's conditions see it before the schema does.
func spoil(random *rand.Rand, obj *unstructured.Unstructured) {
	source := []string{"spec", "template", "spec", "source"}
	switch random.IntN(8) {
	case 0:
		name := obj.GetName()
		length := pick(random, 63, 64, 253, 254, 1000)
		if len(name) < length {
			obj.SetName(strings.Repeat("n", length-len(name)) + name)
		}
	case 1:
		obj.SetGenerateName(obj.GetName() + "-")
		obj.SetName("")
	case 2:
		set(obj, nil, "metadata", pick(random, "labels", "annotations"))
	case 3:
		set(obj, map[string]any{}, "metadata", pick(random, "labels", "annotations"))
	case 4:
		unstructured.RemoveNestedField(obj.Object, above(random, append(source, "registry", "platform")...)...)
	default:
		odd := pick[any](random, nil, "", "x", int64(5), 1.5, true, []any{}, []any{int64(1)}, map[string]any{}, map[string]any{"a": "b"})
		where := pick(random, above(random, append(source, "registry", "platform", "architecture")...), []string{"spec", "managedDataSource"}, []string{"spec", "schedule"})
		// What holds it may be of another kind of source.
		_ = unstructured.SetNestedField(obj.Object, odd, where...)
	}
}

// path is the way to one of the fields on the way to the last.
func above(random *rand.Rand, names ...string) []string { return names[:1+random.IntN(len(names))] }

// readByTheRules is what an update has to change for the rules to be asked.
func readByTheRules(obj *unstructured.Unstructured) (values []any) {
	for _, path := range [][]string{
		{"metadata", "labels", archKey}, {"metadata", "labels", baseKey}, {"metadata", "annotations", listKey},
		{"spec", "managedDataSource"}, {"spec", "template", "spec", "source"},
	} {
		value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
		values = append(values, value)
	}
	return values
}

// change makes an update of a DataImportCron: by a person, who takes parts of
// another one, by a controller, or by a client with Go types.
func change(random *rand.Rand, obj *unstructured.Unstructured) *unstructured.Unstructured {
	switch random.IntN(6) {
	case 0:
		return typed(obj, &cdiv1beta1.DataImportCron{})
	case 1:
		return set(obj, "pvc", "status", "sourceFormat")
	case 2:
		set(obj, "1", "metadata", "labels", "mine")
		set(obj, "1", "metadata", "annotations", "mine")
		return set(obj, int64(7), "spec", "importsToKeep")
	}
	other := generate(random, "x")
	for _, path := range [][]string{
		{"metadata", "labels"}, {"metadata", "annotations"}, {"spec", "managedDataSource"}, {"spec", "template", "spec", "source"}, {"spec", "schedule"},
	} {
		value, found, _ := unstructured.NestedFieldCopy(other.Object, path...)
		switch {
		case random.IntN(3) > 0:
		case found:
			set(obj, value, path...)
		default:
			unstructured.RemoveNestedField(obj.Object, path...)
		}
	}
	if random.IntN(10) == 0 {
		name := obj.GetName()
		spoil(random, obj)
		obj.SetName(name)
	}
	return obj
}

// typed returns an object as a client with Go types writes it: with empty
// fields that a person leaves out.
func typed(obj *unstructured.Unstructured, into any) *unstructured.Unstructured {
	convert := runtime.DefaultUnstructuredConverter
	if err := convert.FromUnstructured(obj.Object, into); err != nil {
		panic(err)
	}
	raw, err := json.Marshal(into)
	out := &unstructured.Unstructured{}
	if err == nil {
		err = out.UnmarshalJSON(raw)
	}
	if err != nil {
		panic(err)
	}
	out.SetGroupVersionKind(obj.GroupVersionKind())
	return out
}
