package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// hcoPaths are where the versions of HyperConverged keep the templates.
var hcoPaths = map[string][]string{
	"v1":      {"spec", "workloadSources", "dataImportCronTemplates"},
	"v1beta1": {"spec", "dataImportCronTemplates"},
}

const disabled = `annotations: {dataimportcrontemplate.kubevirt.io/enable: "false", ` + listKey + `: arn64}`

func TestAHyperConvergedIsJudgedAsItWasWritten(t *testing.T) {
	const accepted = "not one of amd64, arm64, s390x"
	for version, path := range hcoPaths {
		listAt := func(i int) string {
			return fmt.Sprintf("%s[%d].metadata.annotations[%s]", strings.Join(path, "."), i, listKey)
		}
		for _, tc := range []struct {
			name      string
			templates []string
			errors    []string
		}{
			{"the seed case is accepted", []string{template("rhel10-image-cron", "amd64,arm64", "rhel10", "")}, nil},
			{"mistakes are named at the path that was written", []string{template("fedora", "", "fedora", ""), template("rhel10", "amd64,arn64", "rhel10", "")}, []string{
				listAt(1) + `: Unsupported value: "arn64": template "rhel10": ` + accepted + `; did you mean "arm64"?`,
			}},
			{"white space is rejected: HCO does not trim", []string{template("rhel10", "amd64, arm64", "rhel10", "")}, []string{
				listAt(0) + `: Invalid value: " arm64": template "rhel10": white space around an item, for which HCO loses it; want "arm64"`,
			}},
			{"what is switched off is skipped", []string{"{metadata: {name: rhel10, " + disabled + "}}", template("mine", "amd64", "rhel10", "")}, nil},
			{"two of its own that manage one DataSource are rejected", []string{template("one", "amd64", "same", ""), template("two", "amd64", "same", "")}, []string{
				strings.Join(path, ".") + `[1].spec.managedDataSource: Duplicate value: "same": template "two": template "one" needs DataSource "same-amd64" too`,
			}},
		} {
			t.Run(version+"/"+tc.name, func(t *testing.T) {
				got := create(t, hco(version, "a", tc.templates...))
				if diff := cmp.Diff(tc.errors, got.errors); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestCommonTemplatesCountForCollisions has HCO's status name a common template, in
// whose way a new one of the user's would be.
func TestCommonTemplatesCountForCollisions(t *testing.T) {
	mine := template("mine", "amd64", "mine", "")
	obj := hco("v1", "common", mine)
	create(t, obj)
	status := parse(fmt.Sprintf(`{apiVersion: x/v1, kind: X, metadata: {name: x}, status: {dataImportCronTemplates: [
		{metadata: {name: fedora-image-cron, annotations: {%s: "amd64,arm64"}}, spec: {managedDataSource: fedora}, status: {commonTemplate: true}},
		{metadata: {name: mine}, spec: {managedDataSource: mine}, status: {}}]}}`, listKey))
	obj = stored(t, obj)
	obj.Object["status"] = status.Object["status"]
	updateStatus(t, obj)
	write := func(templates ...string) outcome {
		t.Helper()
		obj := stored(t, obj)
		obj.Object["spec"] = hco("v1", "x", templates...).Object["spec"]
		return update(t, obj)
	}
	const at = "spec.workloadSources.dataImportCronTemplates[1].spec.managedDataSource"
	got := write(mine, template("other", "amd64", "fedora", ""))
	if want := []string{at + `: Duplicate value: "fedora": template "other": template "fedora-image-cron" needs DataSource "fedora-amd64" too`}; cmp.Diff(want, got.errors) != "" {
		t.Errorf("got %+v; want %v", got, want)
	}
	if got := write(mine, template("fedora-image-cron", "amd64", "fedora", "")); len(got.errors) > 0 {
		t.Errorf("the common one, changed: %+v", got)
	}
	if got := write(mine, "{metadata: {name: fedora-image-cron, "+disabled+"}}", template("other", "amd64", "fedora", "")); len(got.errors) > 0 {
		t.Errorf("the common one switched off, and its place taken: %+v", got)
	}
}

// TestAHyperConvergedFromBeforeStaysWritable was created while nobody looked.
func TestAHyperConvergedFromBeforeStaysWritable(t *testing.T) {
	versions := []string{"v1", "v1", "v1beta1"}
	olds := storeUnseen(t, "flipped-hco", len(versions), func(i int) *unstructured.Unstructured {
		return hco(versions[i], fmt.Sprint("before-", i), template("rhel10", "arn64, amd64", "rhel10", ""))
	})
	for i, version := range versions {
		updated := olds[i].DeepCopy()
		updated.Object["spec"] = hco(version, "x", template("rhel10", "arn64, amd64", "rhel10", ""), template("fedora", "amd64", "fedora", "")).Object["spec"]
		want := 2 // the unknown item, and the white space
		if dying(updated) {
			want = 0
		}
		if got := update(t, updated); len(got.errors) > 0 || len(got.warnings) != want {
			t.Errorf("%s %s: %+v; want the mistakes from before as %d warnings", version, updated.GetName(), got, want)
		}
	}
}
