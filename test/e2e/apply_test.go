package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/crds"
)

func manifest(t *testing.T, obj *unstructured.Unstructured) string {
	t.Helper()
	out, err := yaml.Marshal(obj.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestTheSameManifestAppliedTwiceChangesNothing(t *testing.T) {
	for name, args := range map[string][]string{
		"kubectl apply":                           {"apply", "-f", "-"},
		"kubectl apply --server-side":             {"apply", "--server-side", "-f", "-"},
		"kubectl apply --server-side, as Flux":    {"apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller", "-f", "-"},
		"kubectl replace":                         {"replace", "-f", "-"},
		"kubectl apply of a manifest with a base": {"apply", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := dic("twice-arm64", annotations(listKey, "arm64", "mine", "x"), "twice", registry)
			if strings.HasSuffix(name, "with a base") {
				obj = dic("twice-arm64", labels(archKey, "arm64", baseKey, "twice"), "twice", registry)
			}
			t.Cleanup(func() { remove(obj) })
			text := manifest(t, obj)
			if args[0] == "replace" {
				if _, _, err := env.Kubectl(t.Context(), text, "create", "-f", "-"); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := env.Kubectl(t.Context(), text, args...); err != nil {
				t.Fatal(err)
			}
			first := stored(t, obj)
			if first.GetLabels()[archKey] != "arm64" || first.GetAnnotations()[listKey] != "" {
				t.Fatalf("not completed: %v", first.Object)
			}
			for range 2 {
				if _, _, err := env.Kubectl(t.Context(), text, args...); err != nil {
					t.Fatal(err)
				}
			}
			again := stored(t, obj)
			if diff := cmp.Diff(bare(first), bare(again)); diff != "" {
				t.Errorf("(-first +again):\n%s", diff)
			}
			if first.GetResourceVersion() != again.GetResourceVersion() || first.GetGeneration() != again.GetGeneration() {
				t.Errorf("written: resourceVersion %s, then %s; generation %d, then %d",
					first.GetResourceVersion(), again.GetResourceVersion(), first.GetGeneration(), again.GetGeneration())
			}
		})
	}
}

func TestKubectlShowsWhatToDo(t *testing.T) {
	bad := ssp("bad", template("rhel10-image-cron", "amd64,arn64,amd64", "rhel10", ""))
	hand := dic("hand-arm64", annotations(listKey, "arm64"), "hand", registry)
	t.Cleanup(func() { remove(hand) })
	for _, tc := range []struct {
		name           string
		obj            *unstructured.Unstructured
		args           []string
		stdout, stderr string
		fails          bool
	}{
		{name: "a rejected SSP, created", obj: bad, args: []string{"create", "-f", "-"}, fails: true,
			stderr: `The SSP "bad" is invalid: 
* spec.commonTemplates.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]: Unsupported value: "arn64": template "rhel10-image-cron": not one of amd64, arm64, s390x; did you mean "arm64"?
* spec.commonTemplates.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]: Duplicate value: "amd64": template "rhel10-image-cron": listed 2 times; list it once
`},
		{name: "a DataImportCron that is completed", obj: hand, args: []string{"apply", "-f", "-"},
			stdout: "dataimportcron.cdi.kubevirt.io/hand-arm64 created\n",
			stderr: `Warning: DataImportCron "hand-arm64": managedDataSource: "hand": renamed to "hand-arm64" for arm64` + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stdout, stderr, err := env.Kubectl(t.Context(), manifest(t, tc.obj), tc.args...)
			if (err != nil) != tc.fails {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.stdout, tc.stderr}, []string{stdout, stderr}); diff != "" {
				t.Errorf("stdout and stderr (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFieldsThatThisBuildDoesNotKnowSurvive adds a property to the CRDs that no
// API type knows, as a newer CDI does.
func TestFieldsThatThisBuildDoesNotKnowSurvive(t *testing.T) {
	install := func(definitions []*apiextensionsv1.CustomResourceDefinition) {
		for _, next := range definitions {
			crd := &apiextensionsv1.CustomResourceDefinition{}
			if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(next), crd); err != nil {
				t.Fatal(err)
			}
			crd.Spec = next.Spec
			if err := env.Client.Update(t.Context(), crd); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := func() *unstructured.Unstructured {
		obj := dic("invented-arm64", annotations(listKey, "arm64"), "invented", registry)
		set(obj, "kept", "spec", crds.InventedField)
		return set(obj, "kept", "spec", "template", "spec", crds.InventedField)
	}
	install(crds.WithInventedField())
	// The new schema takes a moment to be in force.
	eventually(t, func() error {
		obj := made()
		if err := env.Client.Create(t.Context(), obj, client.DryRunAll, client.FieldValidation("Strict")); err != nil {
			return err
		}
		return nil
	})
	obj := made()
	create(t, obj)
	want := complete("invented-arm64", "invented", "arm64")
	set(want, "kept", "spec", crds.InventedField)
	set(want, "kept", "spec", "template", "spec", crds.InventedField)
	got := stored(t, obj)
	dropEmptyAnnotations(got.Object)
	if diff := cmp.Diff(want.Object, bare(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	remove(obj)
	s := ssp("invented", template("rhel10", "amd64", "rhel10", ""))
	if err := unstructured.SetNestedField(s.Object, "kept", "spec", crds.InventedField); err != nil {
		t.Fatal(err)
	}
	if got := create(t, s); len(got.errors) > 0 {
		t.Errorf("an SSP with a field of tomorrow: %+v", got)
	}
	remove(s)
	install(crds.All())
}
