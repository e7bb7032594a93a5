package judge

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// Created returns what [admission.Policy.Created] does, but with every field of a wrong
// type, each by its whole path: the webhook tells the first, without an index, since it
// seldom meets what the API server's schema refuses.
func Created(policy *admission.Policy, kind schema.GroupVersionKind, object []byte) (findings arch.Findings, judged bool, err error) {
	findings, judged, err = policy.Created(kind, object)
	isMalformed := func(f arch.Finding) bool { return f.Rule == arch.RuleMalformed }
	if !slices.ContainsFunc(findings, isMalformed) {
		return findings, judged, err
	}
	// None is of a key that stands twice: the last one is right, and this has only that.
	if all := malformed(kind, object); len(all) > 0 {
		findings = append(all, slices.DeleteFunc(findings, isMalformed)...)
	}
	return findings, judged, err
}

func malformed(kind schema.GroupVersionKind, object []byte) arch.Findings {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber() // one that no float64 holds is a number, too
	if decoder.Decode(&value) != nil {
		return nil
	}
	return mistyped(reflect.TypeOf(admission.View(kind)), value, nil)
}

// mistyped finds what in a JSON value cannot be read into a field of type t.
func mistyped(t reflect.Type, value any, path *field.Path) arch.Findings {
	if value == nil { // null, which is of every type
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := "number"
	var all arch.Findings
	switch v := value.(type) {
	case map[string]any:
		switch name = "object"; t.Kind() {
		case reflect.Struct:
			for _, f := range reflect.VisibleFields(t) {
				key := f.Tag.Get("json")
				all = append(all, mistyped(f.Type, v[key], path.Child(key))...)
			}
			return all
		case reflect.Map:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				all = append(all, mistyped(t.Elem(), v[key], path.Key(key))...)
			}
			return all
		}
	case []any:
		if name = "array"; t.Kind() == reflect.Slice {
			for i, item := range v {
				all = append(all, mistyped(t.Elem(), item, path.Index(i))...)
			}
			return all
		}
	case string:
		if name = "string"; t.Kind() == reflect.String {
			return nil
		}
	case bool:
		if name = "bool"; t.Kind() == reflect.Bool {
			return nil
		}
	}
	return arch.Findings{arch.Malformed(path, name)}
}
