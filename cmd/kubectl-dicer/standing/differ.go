package standing

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// differences names the fields that a DataImportCron has not as wanted, a JSON
// object, has them: of the spec, the two labels of its architecture, and the list.
// Fields beside them are CDI's to default.
func differences(have *unstructured.Unstructured, wanted []byte) []string {
	if wanted == nil {
		return nil
	}
	var want map[string]any
	if err := json.Unmarshal(wanted, &want); err != nil {
		return []string{err.Error()}
	}
	// CDI's schema drops what is in it.
	unstructured.RemoveNestedField(want, "spec", "template", "metadata")
	// As numbers are in wanted.
	raw, err := have.MarshalJSON()
	if err != nil {
		return []string{err.Error()}
	}
	var stands map[string]any
	if err := json.Unmarshal(raw, &stands); err != nil {
		return []string{err.Error()}
	}
	fields := lacking(stands["spec"], want["spec"], "spec")
	for _, key := range []string{arch.ArchitectureLabel, arch.BaseLabel} {
		value, labelled, _ := unstructured.NestedString(want, "metadata", "labels", key)
		if labelled && have.GetLabels()[key] != value {
			fields = append(fields, "label "+key)
		}
	}
	if _, listed := have.GetAnnotations()[arch.ListAnnotation]; listed {
		fields = append(fields, "annotation "+arch.ListAnnotation)
	}
	slices.Sort(fields)
	return fields
}

// lacking names what of want have has not. What is empty in want counts as there:
// typed clients drop it.
func lacking(have, want any, path string) []string {
	switch w := want.(type) {
	case map[string]any:
		h, _ := have.(map[string]any)
		var fields []string
		for key, value := range w {
			fields = append(fields, lacking(h[key], value, path+"."+key)...)
		}
		return fields
	case []any:
		h, _ := have.([]any)
		if len(h) != len(w) {
			return []string{path}
		}
		var fields []string
		for i, value := range w {
			fields = append(fields, lacking(h[i], value, fmt.Sprintf("%s[%d]", path, i))...)
		}
		return fields
	case nil:
		return nil
	default:
		if same(have, want) {
			return nil
		}
		return []string{path}
	}
}

// same tells whether two texts, numbers or booleans are the same, or the same
// quantity. A missing one is empty.
func same(have, want any) bool {
	if have == want || have == nil && (want == "" || want == false || want == float64(0)) {
		return true
	}
	a, errA := resource.ParseQuantity(fmt.Sprint(have))
	b, errB := resource.ParseQuantity(fmt.Sprint(want))
	return errA == nil && errB == nil && a.Cmp(b) == 0
}
