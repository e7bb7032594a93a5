package e2e

import (
	"context"
	"fmt"
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

// withCRDs puts other CRDs in force for the time of a test. probe is an object
// that only they accept, in a strict dry run.
func withCRDs(t *testing.T, definitions []*apiextensionsv1.CustomResourceDefinition, probe *unstructured.Unstructured, accepted bool) {
	t.Helper()
	install := func(ctx context.Context, definitions []*apiextensionsv1.CustomResourceDefinition, accepted bool) {
		t.Helper()
		for _, next := range definitions {
			crd := &apiextensionsv1.CustomResourceDefinition{}
			if err := env.Client.Get(ctx, client.ObjectKeyFromObject(next), crd); err != nil {
				t.Fatal(err)
			}
			crd.Spec = next.Spec
			if err := env.Client.Update(ctx, crd); err != nil {
				t.Fatal(err)
			}
		}
		// A schema takes a moment to be in force.
		eventually(t, func() error {
			err := env.Client.Create(ctx, probe.DeepCopy(), client.DryRunAll, client.FieldValidation("Strict"))
			if (err == nil) != accepted {
				return fmt.Errorf("the probe of the new schema: %v; want it accepted: %t", err, accepted)
			}
			return nil
		})
	}
	install(t.Context(), definitions, accepted)
	t.Cleanup(func() { install(context.Background(), crds.All(), !accepted) })
}

// TestFieldsThatThisBuildDoesNotKnowSurvive adds a property to the CRDs that no
// API type knows, as a newer CDI does.
func TestFieldsThatThisBuildDoesNotKnowSurvive(t *testing.T) {
	invented := func(obj *unstructured.Unstructured) *unstructured.Unstructured {
		set(obj, "kept", "spec", crds.InventedField)
		return set(obj, "kept", "spec", "template", "spec", crds.InventedField)
	}
	withCRDs(t, crds.WithInventedField(), invented(dic("probe", "", "probe", registry)), true)
	obj := invented(dic("invented-arm64", annotations(listKey, "arm64"), "invented", registry))
	create(t, obj)
	got := stored(t, obj)
	dropEmptyAnnotations(got.Object)
	if diff := cmp.Diff(invented(complete("invented-arm64", "invented", "arm64")).Object, bare(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := set(ssp("invented", template("rhel10", "amd64", "rhel10", "")), "kept", "spec", crds.InventedField)
	if got := create(t, s); len(got.errors) > 0 {
		t.Errorf("an SSP with a field of tomorrow: %+v", got)
	}
	if got, _, _ := unstructured.NestedString(stored(t, s).Object, "spec", crds.InventedField); got != "kept" {
		t.Errorf("the SSP's field: %q", got)
	}
}

// TestOnACDIThatDropsThePlatform takes the platform out of the schema, as old
// releases of CDI have it. On CREATE the API server drops it after admission,
// unseen; the manifest can be applied again all the same, and that is told.
func TestOnACDIThatDropsThePlatform(t *testing.T) {
	old := crds.All()
	for _, crd := range old {
		for i := range crd.Spec.Versions {
			dropProperty(crd.Spec.Versions[i].Schema.OpenAPIV3Schema, "spec", "template", "spec", "source", "registry", "platform")
		}
	}
	withCRDs(t, old, dic("probe", "", "probe", registryOf("arm64")), false)
	obj := dic("old-arm64", annotations(listKey, "arm64"), "old", registry)
	t.Cleanup(func() { remove(obj) })
	text := manifest(t, obj)
	apply := func() (stderr string) {
		t.Helper()
		_, stderr, err := env.Kubectl(t.Context(), text, "apply", "-f", "-")
		if err != nil {
			t.Fatal(err)
		}
		return stderr
	}
	apply()
	first := stored(t, obj)
	if got, _, _ := unstructured.NestedString(first.Object, "spec", "managedDataSource"); got != "old-arm64" {
		t.Fatalf("managedDataSource %q", got)
	}
	stderr := apply()
	if want := `platform.architecture: arm64 was not stored; another image may be imported`; !strings.Contains(stderr, want) {
		t.Errorf("kubectl printed %q; want %q in it", stderr, want)
	}
	// etcd held the platform still, which no reader saw: the second time
	// writes, the third does not.
	second := stored(t, obj)
	if diff := cmp.Diff(bare(first), bare(second)); diff != "" {
		t.Errorf("applied again (-first +again):\n%s", diff)
	}
	apply()
	if third := stored(t, obj); second.GetResourceVersion() != third.GetResourceVersion() {
		t.Errorf("applied once more (-second +third):\n%s", cmp.Diff(second.Object, third.Object))
	}
}

func dropProperty(schema *apiextensionsv1.JSONSchemaProps, path ...string) {
	property, ok := schema.Properties[path[0]]
	switch {
	case !ok:
	case len(path) == 1:
		delete(schema.Properties, path[0])
	default:
		dropProperty(&property, path[1:]...)
		schema.Properties[path[0]] = property
	}
}
