package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// TestThePoliciesAreCheapEnough writes as many templates as are looked at, with as
// much in each as can be, and more of everything than that. The API server bounds
// what CEL may cost, and would refuse the write.
func TestThePoliciesAreCheapEnough(t *testing.T) {
	unseen(t)
	long := func(prefix string, i int) string {
		return fmt.Sprintf("%s%04d%s", prefix, i, strings.Repeat("-long", 9))
	}
	many := func(name string, count int, list string) *unstructured.Unstructured {
		var templates []string
		for i := range count {
			templates = append(templates, templateOf(long("t", i), list, spec(long("d", i), registryOf("arm64")), labels(archKey, "amd64", baseKey, long("d", i))))
		}
		return set(ssp(name, templates...), policed, "metadata", "namespace")
	}
	// Each with something wrong, and from before the policies.
	const wrong = "amd64,arm64,s390x,mips,mips,"
	before := map[string]*unstructured.Unstructured{}
	for _, count := range []int{100, 101} {
		name := fmt.Sprintf("before-%d", count)
		before[name] = store(t, many(name, count, wrong), false)
	}
	// Each collides with each, twice.
	equal := make([]string, 100)
	for i := range equal {
		equal[i] = template(long("t", i), "amd64,arm64,s390x", "one", "")
	}
	before["equal"] = store(t, set(ssp("equal", equal...), policed, "metadata", "namespace"), false)
	// Lists that are longer than any right one, from before.
	commas := strings.Repeat(",", 250_000)
	before["endless-before"] = store(t, set(ssp("endless-before", template("endless", commas, "endless", "")), policed, "metadata", "namespace"), false)
	lists := make([]string, 100)
	for i := range lists {
		var items []string
		for j := range 24 {
			items = append(items, fmt.Sprintf("mips%d", j))
		}
		lists[i] = template(fmt.Sprintf("t%d", i), strings.Join(items, ","), fmt.Sprintf("d%d", i), "")
	}
	before["long-lists"] = store(t, set(ssp("long-lists", lists...), policed, "metadata", "namespace"), false)
	cron := store(t, set(dic("endless-before-arm64", labels(archKey, "arm64")+annotations(listKey, commas), "endless", registry), policed, "metadata", "namespace"), false)
	police(t)
	if got := update(t, set(stored(t, cron), "1", "metadata", "labels", "other")); len(got.errors) > 0 {
		t.Errorf("a DataImportCron with an endless list is no longer writable: %.300v", got.errors)
	}
	for name, obj := range before {
		if got := update(t, set(stored(t, obj), "elsewhere", "spec", "commonTemplates", "namespace")); len(got.errors) > 0 {
			t.Errorf("%s is no longer writable: %v", name, got.errors)
		}
	}
	// In each something else is wrong, for which everything is looked at.
	changed := set(many("before-100", 100, wrong+"mips64"), stored(t, before["before-100"]).GetResourceVersion(), "metadata", "resourceVersion")
	if err := env.client.Update(t.Context(), changed); err == nil || !strings.Contains(err.Error(), "a template's list is wrong") {
		t.Errorf("100 templates with something else wrong: %.300v", err)
	}
	for _, count := range []int{100, 101, 1000} {
		if got := create(t, many(fmt.Sprintf("right-%d", count), count, "amd64,arm64,s390x")); len(got.errors) > 0 {
			t.Errorf("%d templates: %v", count, got.errors)
		}
	}
	// So long that an annotation holds no more.
	endless := strings.Repeat("arn64,", 40_000)
	for kind, obj := range map[string]*unstructured.Unstructured{
		"an SSP":           many("endless", 1, endless),
		"a DataImportCron": set(dic("endless-arm64", labels(archKey, "arm64")+annotations(listKey, endless), "endless", registry), policed, "metadata", "namespace"),
	} {
		err := env.client.Create(t.Context(), obj)
		if err == nil || !strings.Contains(err.Error(), "the list names more than 24 architectures") {
			t.Errorf("%s of 40,000 architectures: %.300v", kind, err)
		}
	}
}

// TestThePoliciesSayWhatIsWrong is of their texts, one of which the README shows.
func TestThePoliciesSayWhatIsWrong(t *testing.T) {
	police(t)
	const denied = "ValidatingAdmissionPolicy 'dicer-%s' with binding 'dicer-%[1]s' denied request: "
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprintf("architecture-%d", i)
	}
	for _, tc := range []struct {
		obj  *unstructured.Unstructured
		want string
	}{
		{ssp("ssp", template("rhel10-image-cron", "amd64,arn64", "rhel10", "")),
			"template kubevirt-os-images/rhel10-image-cron: the list: \"arn64\" is not one of amd64, arm64, s390x"},
		{ssp("ssp", template("one", ",amd64,amd64", "one", labels(baseKey, "two")), template("two", "mips", "three", labels(archKey, "arm64"))),
			`template kubevirt-os-images/one: the list: an item is empty; the list: "amd64" is listed twice; the list: "amd64" is listed twice; ` +
				`label cdi.kubevirt.io/storage.import.datasource-name: "two" contradicts spec.managedDataSource; ` +
				`template kubevirt-os-images/two: the list: "mips" is not one of amd64, arm64, s390x; label template.kubevirt.io/architecture: "arm64" contradicts the list`},
		{ssp("ssp", template("one", "amd64", "one", ""), template("one-amd64", "", "two", "")),
			"these templates make one DataImportCron: kubevirt-os-images/one, kubevirt-os-images/one-amd64"},
		{ssp("ssp", template("one", "amd64", "one", ""), template("two", "", "one", "")),
			"these templates need one DataSource: kubevirt-os-images/one, kubevirt-os-images/two"},
		{ssp("ssp", template("one", strings.Join(many, ","), "one", "")), "template kubevirt-os-images/one: the list names more than 24 architectures"},
		{ssp("ssp", template("one", strings.Repeat("x", 6000), "one", "")), "a template's list is wrong, or contradicts what the template fixes"},
		{dic("one-arm64", annotations(listKey, "arm64")+labels(archKey, "amd64"), "one-s390x", registryOf("arm64")),
			`the list "arm64" contradicts label template.kubevirt.io/architecture; ` +
				`spec.managedDataSource: "one-s390x" ends in another architecture than the declared one; ` +
				`spec.template.spec.source.registry.platform.architecture: "arm64" contradicts the declared architecture`},
	} {
		set(tc.obj, policed, "metadata", "namespace")
		policy := strings.ToLower(tc.obj.GetKind()) + "s"
		want := fmt.Sprintf(denied, policy) + tc.want
		err := env.client.Create(t.Context(), tc.obj, client.DryRunAll)
		if err == nil || !apierrors.IsInvalid(err) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	readme, err := os.ReadFile("../../deploy/components/policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := set(ssp("ssp", template("rhel10-image-cron", "amd64,arn64", "rhel10", "")), policed, "metadata", "namespace")
	_, stderr, err := env.Kubectl(t.Context(), asJSON(t, shown), "create", "--dry-run=server", "-f", "-")
	if err == nil || !strings.Contains(cluster.Words(string(readme)), cluster.Words(strings.ReplaceAll(stderr, "error: ", ""))) {
		t.Errorf("kubectl says %q, %v; the README shows something else", stderr, err)
	}
}

func asJSON(t *testing.T, obj *unstructured.Unstructured) string {
	t.Helper()
	content, err := obj.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
