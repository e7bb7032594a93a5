package e2e

import (
	"fmt"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/crds"
)

// None of the tests in this file is parallel: a CRD is the whole cluster's.
// Tests that are wait until these are over.

// changedCRD returns all CRDs with one of CDI's DataImportCron changed.
func changedCRD(change func(schema *apiextensionsv1.JSONSchemaProps)) []*apiextensionsv1.CustomResourceDefinition {
	all := crds.All()
	for _, crd := range all {
		if crd.Spec.Names.Kind == "DataImportCron" {
			for i := range crd.Spec.Versions {
				change(crd.Spec.Versions[i].Schema.OpenAPIV3Schema)
			}
		}
	}
	return all
}

// addProperty adds a string to the DataImportCron's spec.
func addProperty(schema *apiextensionsv1.JSONSchemaProps, name string, property apiextensionsv1.JSONSchemaProps) {
	spec := schema.Properties["spec"]
	spec.Properties[name] = property
	schema.Properties["spec"] = spec
}

// newKept makes a place where these templates' DataImportCrons stand.
func newKept(t *testing.T, templates []string, names ...string) *kept {
	t.Helper()
	k := &kept{place: newPlace(t), whole: t}
	k.run(fanoutSetup.binary)
	k.ssp = k.place.ssp("ssp", templates...)
	k.before = k.stand(names...)
	return k
}

// unchangedTwice looks in the process that was there, and in a new one.
func (k *kept) unchangedTwice() {
	k.t.Helper()
	k.unchanged()
	k.restart(fanoutSetup.binary)
	k.unchanged()
}

// TestFanoutOnACDIThatPrunesTheInnerMetadata: every CDI does.
func TestFanoutOnACDIThatPrunesTheInnerMetadata(t *testing.T) {
	inner := templateOf("a", "amd64,arm64", `{managedDataSource: a, schedule: "1 * * * *", template: {metadata: {labels: {inner: x}, annotations: {inner: x}}, spec: {source: {`+registry+`}, storage: {}}}}`, "")
	k := newKept(t, []string{inner}, "a-amd64", "a-arm64")
	for name, cron := range k.before {
		if labels, found, _ := unstructured.NestedMap(cron.Object, "spec", "template", "metadata", "labels"); found {
			t.Errorf("%s keeps labels %v: the case shows nothing", name, labels)
		}
	}
	if got, _, _ := unstructured.NestedSlice(stored(t, k.ssp).Object, "spec", "commonTemplates", "dataImportCronTemplates"); !strings.Contains(fmt.Sprint(got), "inner:x") {
		t.Errorf("the SSP keeps no labels: the case shows nothing: %v", got)
	}
	k.unchangedTwice()
}

func TestFanoutOnACDIThatDropsThePlatform(t *testing.T) {
	k := newKept(t, []string{scheduled("a", "amd64,arm64", 1, "")}, "a-amd64", "a-arm64")
	old := changedCRD(func(schema *apiextensionsv1.JSONSchemaProps) {
		dropProperty(schema, "spec", "template", "spec", "source", "registry", "platform")
	})
	t.Run("while it is old", func(t *testing.T) {
		withCRDs(t, old, dic("probe", "", "probe", registryOf("arm64")), false)
		defer k.during(t)()
		k.unchanged()
		k.ssp = k.place.ssp("ssp", scheduled("a", "amd64,arm64", 2, ""), scheduled("b", "amd64", 1, ""))
		if e := k.told(k.ssps, "PlatformDropped", "b-amd64", "upgrade CDI"); e.Type != "Warning" {
			t.Errorf("the event is %s", e.Type)
		}
		k.told(k.ssps, "PlatformDropped", "a-amd64", "the old one stays")
		k.reconciled(k.fanout, k.ssp)
		k.reconciled(k.fanout, k.ssp)
		k.sameAs(k.before)
		if got := k.value(k.fanout, "dicer_fanout_failed", map[string]string{"reason": "PlatformDropped"}); got != 3 || k.deletes() != 0 {
			t.Errorf("failed: %v; want 3; deletes: %d", got, k.deletes())
		}
		for _, write := range k.writes(k.golden) {
			if strings.HasPrefix(write, "create dataimportcrons/b-") {
				t.Errorf("it sent %q", write)
			}
		}
	})
	// CDI is upgraded.
	k.reconciled(k.fanout, k.ssp)
	k.before["b-amd64"] = k.before["a-amd64"]
	now := k.replaced(k.before, "a-amd64", "a-arm64", "b-amd64")
	for name, cron := range now {
		if got, _, _ := unstructured.NestedString(cron.Object, "spec", "template", "spec", "source", "registry", "platform", "architecture"); !strings.HasSuffix(name, "-"+got) || got == "" {
			t.Errorf("%s has platform %q", name, got)
		}
	}
}

// during makes a step's failures its own until the returned function is called.
func (k *kept) during(t *testing.T) func() {
	whole := k.t
	k.t = t
	return func() { k.t = whole }
}

func TestFanoutOnACDIThatDefaultsANewField(t *testing.T) {
	k := newKept(t, []string{scheduled("a", "amd64,arm64", 1, "")}, "a-amd64", "a-arm64")
	newer := changedCRD(func(schema *apiextensionsv1.JSONSchemaProps) {
		addProperty(schema, "tomorrow", apiextensionsv1.JSONSchemaProps{Type: "string", Default: &apiextensionsv1.JSON{Raw: []byte(`"x"`)}})
	})
	probe := set(dic("probe", "", "probe", registry), "y", "spec", "tomorrow")
	withCRDs(t, newer, probe, true)
	for name, cron := range k.crons(k.golden) {
		if got, _, _ := unstructured.NestedString(cron.Object, "spec", "tomorrow"); got != "x" {
			t.Errorf("%s has no default: the case shows nothing", name)
		}
	}
	k.unchangedTwice()
	// One that is made now gets the default at once.
	k.ssp = k.place.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""), scheduled("b", "amd64", 1, ", labels: {new: x}"))
	k.before = k.stand("a-amd64", "a-arm64", "b-amd64")
	k.unchangedTwice()
	// A patch of metadata is no change of the spec to CDI's rule.
	k.ssp = k.place.ssp("ssp", scheduled("a", "amd64,arm64", 1, ", labels: {new: z}"), scheduled("b", "amd64", 1, ""))
	k.eventually(func() error {
		if k.crons(k.golden)["a-amd64"].GetLabels()["new"] != "z" || k.crons(k.golden)["b-amd64"].GetLabels()["new"] != "" {
			return fmt.Errorf("not patched")
		}
		return nil
	})
	k.unchanged()
}

func TestFanoutOnACDIThatPrunesAFieldOfTheTemplate(t *testing.T) {
	sets := func(name string) string {
		return templateOf(name, "amd64,arm64", `{managedDataSource: `+name+`, schedule: "1 * * * *", retentionPolicy: None, template: {spec: {source: {`+registry+`}, storage: {}}}}`, "")
	}
	k := newKept(t, []string{sets("a")}, "a-amd64", "a-arm64")
	old := changedCRD(func(schema *apiextensionsv1.JSONSchemaProps) { dropProperty(schema, "spec", "retentionPolicy") })
	withCRDs(t, old, set(dic("probe", "", "probe", registry), "None", "spec", "retentionPolicy"), false)
	k.unchangedTwice()
	k.ssp = k.place.ssp("ssp", sets("a"), sets("b"))
	k.before = k.stand("a-amd64", "a-arm64", "b-amd64", "b-arm64")
	if got, found, _ := unstructured.NestedString(k.before["b-amd64"].Object, "spec", "retentionPolicy"); found {
		t.Errorf("b-amd64 has retentionPolicy %q: the case shows nothing", got)
	}
	k.unchangedTwice()
}

func TestFanoutCarriesFieldsThatThisBuildDoesNotKnow(t *testing.T) {
	invented := func(value string) string {
		return templateOf("a", "amd64,arm64", fmt.Sprintf(`{managedDataSource: a, schedule: "1 * * * *", %[1]s: %[2]s, template: {spec: {%[1]s: %[2]s, source: {%[3]s}, storage: {}}}}`, crds.InventedField, value, registry), "")
	}
	k := newKept(t, []string{scheduled("b", "amd64", 1, "")}, "b-amd64")
	probe := set(dic("probe", "", "probe", registry), "x", "spec", crds.InventedField)
	withCRDs(t, crds.WithInventedField(), probe, true)
	// A newer CDI and SSP are no reason by themselves.
	k.unchangedTwice()
	k.ssp = k.place.ssp("ssp", scheduled("b", "amd64", 1, ""), invented("one"))
	if got := fmt.Sprint(stored(t, k.ssp).Object["spec"]); strings.Count(got, crds.InventedField+":one") != 2 {
		t.Fatalf("the SSP's schema is not in force: %s", got)
	}
	k.before = k.stand("a-amd64", "a-arm64", "b-amd64")
	carries := func(value string) {
		t.Helper()
		for _, name := range []string{"a-amd64", "a-arm64"} {
			for _, path := range [][]string{{"spec", crds.InventedField}, {"spec", "template", "spec", crds.InventedField}} {
				if got, _, _ := unstructured.NestedString(k.before[name].Object, path...); got != value {
					t.Errorf("%s has %q at %v; want %q", name, got, path, value)
				}
			}
		}
	}
	carries("one")
	k.unchangedTwice()
	k.ssp = k.place.ssp("ssp", scheduled("b", "amd64", 1, ""), invented("two"))
	k.before = k.replaced(k.before, "a-amd64", "a-arm64")
	carries("two")
}
