package arch

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestAMessageNamesAnItemWithItsField(t *testing.T) {
	spec := field.NewPath("spec")
	for want, path := range map[string]*field.Path{
		"workloadArchitectures[1]: ": spec.Child("cluster", "workloadArchitectures").Index(1),
		"x[1]: ":                     field.NewPath("x").Index(1),
		"schedule: ":                 spec.Child("templates").Index(1).Child("schedule"),
	} {
		if got := Malformed(path, "number").Message(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q; want it to begin with %q", path, got, want)
		}
	}
}
