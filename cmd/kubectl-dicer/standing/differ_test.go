package standing

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestWhatCDIsSchemaDropsIsNoDifference has the metadata of a template's volume, which
// is not stored.
func TestWhatCDIsSchemaDropsIsNoDifference(t *testing.T) {
	const wanted = `{"spec":{"schedule":"1 2 * * *","template":{"metadata":{"labels":{"a":"b"}},"spec":{"storage":{}}}}}`
	stored := func(schedule string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"schedule": schedule, "template": map[string]any{"spec": map[string]any{"storage": map[string]any{}}},
		}}}
	}
	if got := differences(stored("1 2 * * *"), []byte(wanted)); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if diff := cmp.Diff([]string{"spec.schedule"}, differences(stored("3 4 * * *"), []byte(wanted))); diff != "" {
		t.Errorf("another schedule (-want +got):\n%s", diff)
	}
}
