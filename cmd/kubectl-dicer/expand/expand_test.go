package expand

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// TestHCOLosesItemsThatAnSSPKeeps has one list in both. The second template makes the
// name that is free where the first has lost the item.
func TestHCOLosesItemsThatAnSSPKeeps(t *testing.T) {
	const templates = `
    - metadata: {name: rhel10, annotations: {ssp.kubevirt.io/dict.architectures: "amd64 , arm64,s390x, s390x"}}
      spec: {managedDataSource: rhel10, template: {spec: {source: {registry: {url: "docker://x"}}}}}
    - metadata: {name: rhel10-arm64}
      spec: {managedDataSource: other, template: {spec: {source: {registry: {url: "docker://x"}}}}}
`
	for object, want := range map[string][]string{
		"apiVersion: ssp.kubevirt.io/v1beta3\nkind: SSP\nspec:\n  commonTemplates:\n    dataImportCronTemplates:":       {"rhel10-amd64 rhel10-amd64", "rhel10-arm64 rhel10-arm64", "rhel10-s390x rhel10-s390x"},
		"apiVersion: hco.kubevirt.io/v1beta1\nkind: HyperConverged\nspec:\n    dataImportCronTemplates:":                {"rhel10-s390x rhel10-s390x", "rhel10-arm64 other"},
		"apiVersion: hco.kubevirt.io/v1\nkind: HyperConverged\nspec:\n  workloadSources:\n    dataImportCronTemplates:": {"rhel10-s390x rhel10-s390x", "rhel10-arm64 other"},
	} {
		objects, err := manifest.Read("f.yaml", []byte(object+templates))
		if err != nil || len(objects) != 1 {
			t.Fatalf("%d objects, %v", len(objects), err)
		}
		e, err := Object(&admission.Policy{}, objects[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, made := range e.DataImportCrons {
			got = append(got, made.Name+" "+made.ManagedDataSource)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", objects[0].Kind, diff)
		}
		told := slices.ContainsFunc(e.Findings, func(f arch.Finding) bool { return f.Rule == arch.RuleSpacedItem })
		if told != (objects[0].Kind.Kind == hyperConverged) {
			t.Errorf("%s: white space is told: %t", objects[0].Kind, told)
		}
	}
}
