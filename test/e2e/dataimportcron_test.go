package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// example reads an object of the seed case.
func example(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	manifest, err := os.ReadFile("../../pkg/arch/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(string(manifest))
}

// bare is an object without what the API server adds.
func bare(obj *unstructured.Unstructured) map[string]any {
	obj = obj.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", field)
	}
	return obj.Object
}

func TestTheSeedCase(t *testing.T) {
	ssp := example(t, "ssp-rhel10.yaml")
	if got := create(t, ssp); got.errors != nil || got.warnings != nil {
		t.Fatalf("the SSP: %+v", got)
	}
	templates, _, err := unstructured.NestedSlice(ssp.Object, "spec", "commonTemplates", "dataImportCronTemplates")
	if err != nil || len(templates) != 1 {
		t.Fatalf("%d templates: %v", len(templates), err)
	}
	for _, a := range []string{"amd64", "arm64"} {
		t.Run(a, func(t *testing.T) {
			obj := &unstructured.Unstructured{Object: templates[0].(map[string]any)}
			obj = obj.DeepCopy()
			obj.SetAPIVersion("cdi.kubevirt.io/v1beta1")
			obj.SetKind("DataImportCron")
			obj.SetNamespace(golden)
			obj.SetName(obj.GetName() + "-" + a)
			set(obj, a, "metadata", "annotations", listKey)
			want := outcome{warnings: []string{`DataImportCron "rhel10-image-cron-` + a + `": managedDataSource: "rhel10": renamed to "rhel10-` + a + `" for ` + a}}
			if diff := cmp.Diff(want, create(t, obj), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(example(t, "dic-rhel10-"+a+".yaml").Object, bare(stored(t, obj))); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADataImportCronIsCompletedOnCreate(t *testing.T) {
	renamed := []string{`DataImportCron "x-arm64": managedDataSource: "x": renamed to "x-arm64" for arm64`}
	want := complete("x-arm64", "x", "arm64")
	for _, tc := range []struct {
		name     string
		dic      *unstructured.Unstructured
		want     *unstructured.Unstructured
		warnings []string
	}{
		{"by a list of one", dic("x-arm64", annotations(listKey, "arm64"), "x", registry), want, renamed},
		{"by a list of one with spaces", dic("x-arm64", annotations(listKey, " arm64 "), "x", registry), want, renamed},
		{"by the architecture label", dic("x-arm64", labels(archKey, "arm64"), "x", registry), want, renamed},
		{"by the label and a list that agree", dic("x-arm64", annotations(listKey, "arm64")+labels(archKey, "arm64"), "x", registry), want, renamed},
		{"with the suffix in managedDataSource already", dic("x-arm64", labels(archKey, "arm64"), "x-arm64", registry), want, nil},
		{"with a base label and the base", dic("x-arm64", labels(archKey, "arm64", baseKey, "x"), "x", registry), want, renamed},
		{"with a platform that is right", dic("x-arm64", labels(archKey, "arm64"), "x-arm64", registryOf("arm64")), want, nil},
		{"with a platform without an architecture", dic("x-arm64", labels(archKey, "arm64"), "x-arm64", "registry: {imageStream: rhel10-guest, pullMethod: node, platform: {}}"), want, nil},
		{"beside a list that names more", dic("x-arm64", annotations(listKey, "amd64,arm64")+labels(archKey, "arm64"), "x-arm64", registry), want,
			[]string{`DataImportCron "x-arm64": dict.architectures: "amd64,arm64": removed; this one imports arm64 only`}},
		{"without a platform where the source is no registry", dic("x-arm64", labels(archKey, "arm64"), "x-arm64", "http: {url: 'http://x.invalid'}"),
			dic("x-arm64", labels(archKey, "arm64", baseKey, "x"), "x-arm64", "http: {url: 'http://x.invalid'}"), nil},
		{"with a name that the client chose", dic("mine", labels(archKey, "arm64"), "x-arm64", registry), complete("mine", "x", "arm64"),
			[]string{`DataImportCron "mine": name: does not end in "-arm64", as the SSP operator's and dicer's do`}},
		{"complete already, untouched", want.DeepCopy(), want, nil},
		{"declaring nothing, untouched", dic("x", "", "x", registry), dic("x", "", "x", registry), nil},
		{"with an empty list, untouched", dic("x", annotations(listKey, ""), "x", registry), dic("x", annotations(listKey, ""), "x", registry), nil},
		{"with a platform alone, untouched", dic("x", "", "x", registryOf("arm64")), dic("x", "", "x", registryOf("arm64")), nil},
		{"with a list of several, untouched", dic("x", annotations(listKey, "amd64,arm64"), "x", registry), dic("x", annotations(listKey, "amd64,arm64"), "x", registry),
			[]string{`DataImportCron "x": dict.architectures: "amd64,arm64": untouched; such a list belongs in an SSP template`}},
		{"of the SSP operator, untouched", dic("x-arm64", labels(archKey, "arm64", "app.kubernetes.io/managed-by", "ssp-operator"), "x-amd64", registry), dic("x-arm64", labels(archKey, "arm64", "app.kubernetes.io/managed-by", "ssp-operator"), "x-amd64", registry),
			[]string{`DataImportCron "x-arm64": managedDataSource: "x-amd64": ends in another architecture than "arm64"`}},
		{"incomplete, of the SSP operator, untouched", dic("x-arm64", labels(archKey, "arm64", "app.kubernetes.io/managed-by", "ssp-operator"), "x-arm64", registry), dic("x-arm64", labels(archKey, "arm64", "app.kubernetes.io/managed-by", "ssp-operator"), "x-arm64", registry),
			[]string{`DataImportCron "x-arm64": architecture: "arm64": incomplete: base, managedDataSource, platform`}},
		{"with a broken list of several, untouched", dic("x", annotations(listKey, "amd64,arn64"), "x", registry), dic("x", annotations(listKey, "amd64,arn64"), "x", registry),
			[]string{`DataImportCron "x": dict.architectures: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`,
				`DataImportCron "x": dict.architectures: "amd64,arn64": untouched; such a list belongs in an SSP template`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := create(t, tc.dic)
			if diff := cmp.Diff(outcome{warnings: tc.warnings}, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Fatalf("answer (-want +got):\n%s", diff)
			}
			want, stored := tc.want.DeepCopy(), stored(t, tc.dic)
			// Whether the last annotation leaves an empty map is nobody's matter.
			dropEmptyAnnotations(stored.Object)
			if diff := cmp.Diff(want.Object, bare(stored)); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
		})
	}
}

func dropEmptyAnnotations(obj map[string]any) {
	if m, _, _ := unstructured.NestedMap(obj, "metadata", "annotations"); len(m) == 0 {
		unstructured.RemoveNestedField(obj, "metadata", "annotations")
	}
}

func TestADataImportCronThatContradictsItselfIsRejected(t *testing.T) {
	long := strings.Repeat("a", 58)
	const (
		dataSource = "spec.managedDataSource"
		platform   = "spec.template.spec.source.registry.platform.architecture"
		list       = "metadata.annotations[" + listKey + "]"
		label      = "metadata.labels[" + archKey + "]"
		accepted   = "not one of amd64, arm64, s390x"
	)
	for _, tc := range []struct {
		name string
		dic  *unstructured.Unstructured
		want []string
	}{
		{"list and label", dic("x-arm64", annotations(listKey, "amd64")+labels(archKey, "arm64"), "x", registry), []string{
			list + `: Invalid value: "amd64": DataImportCron "x-arm64": contradicts architecture label "arm64"`}},
		{"list and platform", dic("x-arm64", annotations(listKey, "arm64"), "x", registryOf("amd64")), []string{
			platform + `: Invalid value: "amd64": DataImportCron "x-arm64": contradicts the declared architecture "arm64"`}},
		{"label and base label", dic("x-arm64", labels(archKey, "arm64", baseKey, "y"), "x", registry), []string{
			`metadata.labels[` + baseKey + `]: Invalid value: "y": DataImportCron "x-arm64": does not fit managedDataSource "x"; accepted: "y" or "y-arm64"`}},
		{"label and managedDataSource", dic("x-arm64", labels(archKey, "arm64"), "x-amd64", registry), []string{
			dataSource + `: Invalid value: "x-amd64": DataImportCron "x-arm64": ends in another architecture than "arm64"`}},
		{"all at once", dic("x-arm64", annotations(listKey, "amd64")+labels(archKey, "arm64"), "x-s390x", registryOf("amd64")), []string{
			list + `: Invalid value: "amd64": DataImportCron "x-arm64": contradicts architecture label "arm64"`,
			dataSource + `: Invalid value: "x-s390x": DataImportCron "x-arm64": ends in another architecture than "arm64"`,
			platform + `: Invalid value: "amd64": DataImportCron "x-arm64": contradicts the declared architecture "arm64"`}},
		{"an unknown architecture in the label", dic("x", labels(archKey, "aarch64"), "x", registry), []string{
			label + `: Unsupported value: "aarch64": DataImportCron "x": ` + accepted + `; did you mean "arm64"?`}},
		{"an unknown architecture in the list", dic("x", annotations(listKey, "mips"), "x", registry), []string{
			list + `: Unsupported value: "mips": DataImportCron "x": ` + accepted}},
		{"a name over 63", dic(long+"-arm64", labels(archKey, "arm64"), "x", registry), []string{
			`metadata.name: Invalid value: "` + long + `-arm64": DataImportCron "` + long + `-arm64": has 64 characters; at most 63`}},
		{"a DataSource over 63 with its suffix", dic("x-arm64", labels(archKey, "arm64"), long, registry), []string{
			dataSource + `: Invalid value: "` + long + `": DataImportCron "x-arm64": with "-arm64" it has 64 characters; at most 63`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(outcome{errors: tc.want}, create(t, tc.dic), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestADataImportCronOnUpdate(t *testing.T) {
	t.Run("what was wrong before is warned about", func(t *testing.T) {
		obj := set(stored(t, invalidDIC(0)), "docker://x.invalid", "spec", "template", "spec", "source", "registry", "url")
		want := outcome{warnings: []string{`DataImportCron "before-0-amd64": dict.architectures: "mips": not one of amd64, arm64, s390x`,
			`DataImportCron "before-0-amd64": managedDataSource: "rhel10-amd64": ends in another architecture than "arm64"`,
			`DataImportCron "before-0-amd64": platform.architecture: "s390x": contradicts the declared architecture "arm64"`,
			`DataImportCron "before-0-amd64": name: does not end in "-arm64", as the SSP operator's and dicer's do`}}
		if diff := cmp.Diff(want, update(t, obj), cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a new contradiction is rejected", func(t *testing.T) {
		obj := complete("update-arm64", "update", "arm64")
		create(t, obj)
		want := outcome{errors: []string{
			`spec.managedDataSource: Invalid value: "update-arm64": DataImportCron "update-arm64": ends in another architecture than "amd64"`,
			`spec.template.spec.source.registry.platform.architecture: Invalid value: "arm64": DataImportCron "update-arm64": contradicts the declared architecture "amd64"`,
		}, warnings: []string{`DataImportCron "update-arm64": name: does not end in "-amd64", as the SSP operator's and dicer's do`}}
		if diff := cmp.Diff(want, merge(t, obj, `{"metadata":{"labels":{"`+archKey+`":"amd64"}}}`), cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a declaration that comes later is told, not completed", func(t *testing.T) {
		obj := dic("late-arm64", "", "late", registry)
		create(t, obj)
		want := outcome{warnings: []string{`DataImportCron "late-arm64": architecture: "arm64": incomplete: base, managedDataSource, platform`}}
		if diff := cmp.Diff(want, merge(t, obj, `{"metadata":{"labels":{"`+archKey+`":"arm64"}}}`), cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got, _, _ := unstructured.NestedString(stored(t, obj).Object, "spec", "managedDataSource"); got != "late" {
			t.Errorf("managedDataSource %q", got)
		}
	})
	t.Run("a base label alone does not make it another DataSource's", func(t *testing.T) {
		obj := complete("base-arm64", "base", "arm64")
		create(t, obj)
		if got := merge(t, obj, `{"metadata":{"labels":{"`+baseKey+`":"base-arm64"}}}`); len(got.errors) > 0 {
			t.Errorf("%+v", got)
		}
		if got, _, _ := unstructured.NestedString(stored(t, obj).Object, "spec", "managedDataSource"); got != "base-arm64" {
			t.Errorf("managedDataSource %q", got)
		}
	})
	t.Run("the SSP operator's own, by the old object's label, is only warned about", func(t *testing.T) {
		obj := complete("operators-arm64", "operators", "arm64")
		set(obj, "ssp-operator", "metadata", "labels", "app.kubernetes.io/managed-by")
		create(t, obj)
		got := merge(t, obj, `{"metadata":{"labels":{"app.kubernetes.io/managed-by":null,"`+archKey+`":"amd64"}}}`)
		if len(got.errors) > 0 || len(got.warnings) != 3 {
			t.Errorf("got %+v; want three warnings", got)
		}
	})
}

func TestADryRunIsAnsweredAsTheRealRequest(t *testing.T) {
	obj := dic("dry-arm64", labels(archKey, "arm64"), "dry", registry)
	if got := create(t, obj, client.DryRunAll); len(got.errors) > 0 || len(got.warnings) != 1 {
		t.Errorf("got %+v; want the warning about managedDataSource", got)
	}
	if diff := cmp.Diff(complete("dry-arm64", "dry", "arm64").Object, bare(obj)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := env.client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("it was written: %v", err)
	}
	if got := create(t, dic("dry-arm64", labels(archKey, "aarch64"), "dry", registry), client.DryRunAll); len(got.errors) != 1 {
		t.Errorf("got %+v; want it rejected", got)
	}
}

func TestInAnIgnoredNamespaceNothingIsAsked(t *testing.T) {
	for _, obj := range []*unstructured.Unstructured{
		dic("ignored-arm64", labels(archKey, "arm64"), "x-amd64", registryOf("s390x")),
		dic("ignored", annotations(listKey, "arm64"), "x", registry),
	} {
		want := set(obj.DeepCopy(), ignored, "metadata", "namespace")
		got := want.DeepCopy()
		if answer := create(t, got); len(answer.errors) > 0 || len(answer.warnings) > 0 {
			t.Errorf("%s: %+v", obj.GetName(), answer)
		}
		if diff := cmp.Diff(want.Object, bare(stored(t, got))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestTheSSPOperatorsUserCanBeDemanded(t *testing.T) {
	const user = "system:serviceaccount:kubevirt:ssp-operator"
	withWebhook(t, func(o *cluster.WebhookOptions) { o.Args = []string{"--ssp-operator-users=" + user} })
	made := func() *unstructured.Unstructured {
		return dic("users-arm64", labels(archKey, "arm64", "app.kubernetes.io/managed-by", "ssp-operator"), "users-arm64", registry)
	}
	for name, completed := range map[string]bool{user: false, "alice": true} {
		c, err := newClient(func(config *rest.Config) {
			config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:masters"}}
		})
		if err != nil {
			t.Fatal(err)
		}
		obj := made()
		if err := c.Create(t.Context(), obj, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		env.warnings.take()
		if _, got := obj.GetLabels()[baseKey]; got != completed {
			t.Errorf("%s: completed %t; want %t", name, got, completed)
		}
	}
}
