package fanout

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

var wholeRecord = record{
	ssp: types.NamespacedName{Namespace: "kubevirt", Name: "ssp"}, uid: "1-2-3", template: "rhel10", hash: "v1:abc",
	keys: metadataKeys{Labels: []string{"a", "b"}, Annotations: []string{"c"}},
}

// marked is an object that dicer has made of a template with labels and
// annotations.
func marked(t testing.TB, labels, annotations map[string]string) *metav1.PartialObjectMetadata {
	t.Helper()
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "golden", Name: "rhel10-arm64", Labels: maps.Clone(labels), Annotations: maps.Clone(annotations),
	}}
	if err := mark(object, wholeRecord); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestMarkWritesWhatRecordOfReads(t *testing.T) {
	object := marked(t, map[string]string{"b": "1", "a": "2"}, map[string]string{"c": "3"})
	got, own := recordOf(object)
	if diff := cmp.Diff(wholeRecord, got, cmp.AllowUnexported(record{})); diff != "" || !own {
		t.Errorf("own %t (-want +got):\n%s", own, diff)
	}
	want := map[string]string{
		"c": "3", "dicer.dev/ssp": "kubevirt/ssp", "dicer.dev/ssp-uid": "1-2-3", "dicer.dev/object": "golden/rhel10-arm64",
		"dicer.dev/template": "rhel10", "dicer.dev/spec-hash": "v1:abc", "dicer.dev/metadata-keys": `{"labels":["a","b"],"annotations":["c"]}`,
	}
	if diff := cmp.Diff(want, object.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestATemplateCannotWriteTheRecord(t *testing.T) {
	object := marked(t, map[string]string{arch.ManagedByLabel: "somebody"}, map[string]string{SSPAnnotation: "x/y", SpecHashAnnotation: "v1:x", "dicer.dev/tomorrow": "x"})
	plain := marked(t, nil, nil)
	if diff := cmp.Diff(plain, object); diff != "" {
		t.Errorf("(-without +with the template's own record):\n%s", diff)
	}
}

func TestWhatIsDicersOwn(t *testing.T) {
	set := func(annotation, value string) func(*metav1.PartialObjectMetadata) {
		return func(o *metav1.PartialObjectMetadata) { o.Annotations[annotation] = value }
	}
	for name, tc := range map[string]struct {
		change func(*metav1.PartialObjectMetadata)
		own    bool
	}{
		"as it was made":               {func(*metav1.PartialObjectMetadata) {}, true},
		"a copy under another name":    {func(o *metav1.PartialObjectMetadata) { o.Name = "copy" }, false},
		"a copy in another namespace":  {func(o *metav1.PartialObjectMetadata) { o.Namespace = "mine" }, false},
		"another's label":              {func(o *metav1.PartialObjectMetadata) { o.Labels[arch.ManagedByLabel] = "ssp-operator" }, false},
		"no label":                     {func(o *metav1.PartialObjectMetadata) { o.Labels = nil }, false},
		"no annotations":               {func(o *metav1.PartialObjectMetadata) { o.Annotations = nil }, false},
		"adopted by the SSP operator":  {set("operator-sdk/primary-resource", "kubevirt/ssp"), false},
		"adopted, by its type":         {set("operator-sdk/primary-resource-type", "SSP.ssp.kubevirt.io"), false},
		"an SSP that is no name":       {set(SSPAnnotation, "ssp"), false},
		"an SSP without a namespace":   {set(SSPAnnotation, "/ssp"), false},
		"an SSP without a name":        {set(SSPAnnotation, "kubevirt/"), false},
		"another's annotation":         {set("operator-sdk/other", "x"), true},
		"no UID":                       {set(SSPUIDAnnotation, ""), true},
		"a hash that cannot be read":   {set(SpecHashAnnotation, "\xff"), true},
		"keys that cannot be read":     {set(MetadataKeysAnnotation, "{"), true},
		"keys that are something else": {set(MetadataKeysAnnotation, `{"labels":{"a":"b"}}`), true},
		"no keys":                      {func(o *metav1.PartialObjectMetadata) { delete(o.Annotations, MetadataKeysAnnotation) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			object := marked(t, map[string]string{"a": "1"}, nil)
			tc.change(object)
			got, own := recordOf(object)
			if own != tc.own {
				t.Errorf("own %t; want %t", own, tc.own)
			}
			if diff := cmp.Diff(record{}, got, cmp.AllowUnexported(record{})); !own && diff != "" {
				t.Errorf("the record of a foreign object (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnerTellsWhoKeepsIt(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*metav1.PartialObjectMetadata)
		want   string
	}{
		"dicer":                         {func(*metav1.PartialObjectMetadata) {}, ManagedBy},
		"a copy of dicer's":             {func(o *metav1.PartialObjectMetadata) { o.Name = "copy" }, ""},
		"the SSP operator":              {func(o *metav1.PartialObjectMetadata) { o.Labels[arch.ManagedByLabel] = arch.ManagedBySSP }, arch.ManagedBySSP},
		"the SSP operator, after dicer": {func(o *metav1.PartialObjectMetadata) { o.Annotations["operator-sdk/primary-resource"] = "kubevirt/ssp" }, arch.ManagedBySSP},
		"nobody that says so":           {func(o *metav1.PartialObjectMetadata) { o.Labels, o.Annotations = nil, nil }, ""},
		"another that says so":          {func(o *metav1.PartialObjectMetadata) { o.Labels[arch.ManagedByLabel] = "somebody" }, ""},
	} {
		object := marked(t, nil, nil)
		tc.change(object)
		if got := Owner(object); got != tc.want {
			t.Errorf("%s: %q; want %q", name, got, tc.want)
		}
	}
}

func TestKeysThatCannotBeReadRemoveNothing(t *testing.T) {
	for _, keys := range []string{"", "{", "null", "[]", `"a"`, `{"labels":"a"}`, `{"labels":{"a":"b"},"annotations":null}`} {
		have := marked(t, map[string]string{"a": "1"}, map[string]string{"c": "3"})
		have.Annotations[MetadataKeysAnnotation] = keys
		known, _ := recordOf(have)
		want := marked(t, nil, nil)
		changes := metadataChanges(have, known, want)
		if diff := cmp.Diff(map[string]any{"annotations": map[string]any{MetadataKeysAnnotation: `{}`}}, changes); diff != "" {
			t.Errorf("keys %s (-want +got):\n%s", keys, diff)
		}
	}
}

func TestMetadataChanges(t *testing.T) {
	type pairs = map[string]string
	for name, tc := range map[string]struct {
		// was and is are the template's labels; foreign are on the object too.
		was, is, foreign pairs
		want             map[string]any
	}{
		"nothing":                       {},
		"the same":                      {was: pairs{"a": "1"}, is: pairs{"a": "1"}, foreign: pairs{"x": "y"}},
		"one more":                      {is: pairs{"a": "1"}, foreign: pairs{"x": "y"}, want: map[string]any{"a": "1"}},
		"another value":                 {was: pairs{"a": "1"}, is: pairs{"a": "2"}, want: map[string]any{"a": "2"}},
		"an empty value":                {was: pairs{"a": "1"}, is: pairs{"a": ""}, want: map[string]any{"a": ""}},
		"one less":                      {was: pairs{"a": "1", "b": "2"}, is: pairs{"b": "2"}, foreign: pairs{"x": "y"}, want: map[string]any{"a": nil}},
		"the last one":                  {was: pairs{"a": "1"}, foreign: pairs{"x": "y"}, want: map[string]any{"a": nil}},
		"somebody's value":              {was: pairs{"a": "1"}, is: pairs{"a": "1"}, foreign: pairs{"a": "y"}, want: map[string]any{"a": "1"}},
		"somebody had it first":         {is: pairs{"x": "1"}, foreign: pairs{"x": "y"}, want: map[string]any{"x": "1"}},
		"one less that is gone already": {was: pairs{"a": "1"}, foreign: pairs{"a": "gone"}},
		"an empty value is no missing":  {is: pairs{"a": ""}, want: map[string]any{"a": ""}},
		"the template's managed-by":     {was: pairs{arch.ManagedByLabel: "x"}, is: pairs{arch.ManagedByLabel: "y"}},
	} {
		for field, labels := range map[string]bool{"labels": true, "annotations": false} {
			if !labels && tc.was[arch.ManagedByLabel] != "" {
				continue // an annotation of that name is the template's
			}
			t.Run(name+", "+field, func(t *testing.T) {
				object := func(m pairs) *metav1.PartialObjectMetadata {
					if labels {
						return marked(t, m, nil)
					}
					return marked(t, nil, m)
				}
				have, want := object(tc.was), object(tc.is)
				there := have.Annotations
				if labels {
					there = have.Labels
				}
				for key, value := range tc.foreign {
					there[key] = value
					if value == "gone" {
						delete(there, key)
					}
				}
				known, own := recordOf(have)
				if !own {
					t.Fatal("not dicer's own")
				}
				before, _ := json.Marshal([]any{have, want})
				got := metadataChanges(have, known, want)
				checkChanges(t, got, field, tc.want)
				if after, _ := json.Marshal([]any{have, want}); string(before) != string(after) {
					t.Errorf("%s became %s", before, after)
				}
			})
		}
	}
}

// checkChanges leaves out the record of the keys, which follows the template's.
func checkChanges(t *testing.T, got map[string]any, field string, want map[string]any) {
	t.Helper()
	for name, value := range got {
		m, ok := value.(map[string]any)
		if !ok || len(m) == 0 {
			t.Errorf("%s is %v: a null or empty map", name, value)
		}
		delete(m, MetadataKeysAnnotation)
		if len(m) == 0 {
			delete(got, name)
		}
	}
	all := map[string]any{}
	if want != nil {
		all[field] = want
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARecordThatNamesDicersOwnKeysRemovesNone(t *testing.T) {
	have := marked(t, nil, nil)
	have.Annotations[MetadataKeysAnnotation] = `{"labels":["app.kubernetes.io/managed-by"],"annotations":["dicer.dev/ssp","dicer.dev/spec-hash"]}`
	known, _ := recordOf(have)
	bare := &metav1.PartialObjectMetadata{}
	if got := metadataChanges(have, known, bare); len(got) > 0 {
		t.Errorf("removes %v", got)
	}
}
