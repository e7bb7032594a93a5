package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// requests reads from the webhook's metrics how often it was called, by path in
// the order of cluster.WebhookPaths.
func requests(t *testing.T) (counts [4]int) {
	t.Helper()
	for i, path := range cluster.WebhookPaths {
		n, err := env.webhook.Requests(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		counts[i] = n
	}
	return counts
}

// TestWhatNeverReachesTheWebhook makes the writes that must not wait for it,
// and counts its calls by its own metrics. A call is counted a moment after
// it is answered, so each round ends with writes that do call.
func TestWhatNeverReachesTheWebhook(t *testing.T) {
	sspObject := ssp("quiet", template("rhel10", "amd64,arm64", "rhel10", ""))
	made := complete("quiet-arm64", "quiet", "arm64")
	plain := dic("quiet", "", "quiet", registry)
	dying := ssp("dying", template("rhel10", "amd64,arm64", "rhel10", ""))
	dying.SetFinalizers([]string{"dicer.dev/test"})
	hcoObject := hco("v1", "quiet", template("rhel10", "amd64,arm64", "rhel10", ""))
	create(t, sspObject)
	create(t, hcoObject)
	create(t, dying)
	create(t, made)
	create(t, plain)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name  string
		write func()
	}{
		{"a complete DataImportCron is created", func() {
			for _, a := range []string{"amd64", "arm64", "s390x"} {
				create(t, complete("never-"+a, "never", a))
			}
			create(t, dic("nor-amd64", labels(archKey, "amd64", baseKey, "nor"), "nor-amd64", "http: {url: 'http://x.invalid'}"))
		}},
		{"a DataImportCron that declares nothing is created", func() {
			create(t, dic("never", "", "never", registry))
			create(t, dic("nor", annotations(listKey, ""), "nor", registryOf("arm64")))
		}},
		{"CDI writes a status", func() {
			update(t, set(stored(t, made), "pvc", "status", "sourceFormat"))
			update(t, set(stored(t, plain), "snapshot", "status", "sourceFormat"))
		}},
		{"CDI writes a status as a whole object with Go types", func() {
			typedStatus(t, made.GetName())
			typedStatus(t, plain.GetName())
			typedStatus(t, invalidDIC(2).GetName())
		}},
		{"the SSP operator writes a finalizer with Go types", func() {
			typedFinalizer(t, sspObject.GetName())
			typedFinalizer(t, invalidSSP(7).GetName())
		}},
		{"labels, annotations and finalizers of a DataImportCron change", func() {
			merge(t, made, `{"metadata":{"labels":{"mine":"1"},"annotations":{"mine":"1"},"finalizers":["dicer.dev/test"]}}`)
			merge(t, made, `{"metadata":{"finalizers":null}}`)
		}},
		{"a DataImportCron is deleted", func() {
			obj := complete("gone-arm64", "gone", "arm64")
			create(t, obj)
			must(env.client.Delete(t.Context(), obj))
		}},
		{"an SSP without templates is created", func() { create(t, ssp("empty")) }},
		{"an SSP's status is written", func() {
			updateStatus(t, set(stored(t, sspObject), "Deployed", "status", "phase"))
		}},
		{"an SSP changes, but not its templates or cluster", func() {
			merge(t, sspObject, `{"metadata":{"labels":{"mine":"1"}},"spec":{"enableMultipleArchitectures":true}}`)
		}},
		{"a HyperConverged without templates is created", func() { create(t, hco("v1beta1", "empty")) }},
		{"HCO writes status, finalizers and labels of a HyperConverged", func() {
			updateStatus(t, set(stored(t, hcoObject), "x", "status", "systemHealthStatus"))
			merge(t, hcoObject, `{"metadata":{"labels":{"mine":"1"},"finalizers":["kubevirt.io/hyperconverged"]}}`)
			merge(t, hcoObject, `{"metadata":{"finalizers":null}}`)
		}},
		{"a HyperConverged changes, but not its templates", func() {
			merge(t, hcoObject, `{"spec":{"enableCommonBootImageImport":true}}`)
			merge(t, hcoObject, `{"spec":{"workloadSources":{"commonBootImageNamespace":"x"}}}`)
		}},
		{"an SSP that is being deleted changes its templates", func() {
			must(env.client.Delete(t.Context(), dying))
			obj := stored(t, dying)
			obj.Object["spec"] = ssp("x", template("rhel10", "mips", "rhel10", "")).Object["spec"]
			update(t, obj)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := requests(t)
			tc.write()
			// Rejected at the end of all three ways.
			create(t, ssp("sentinel", template("rhel10", "mips", "rhel10", "")))
			create(t, hco("v1", "sentinel", template("rhel10", "mips", "rhel10", "")))
			create(t, dic("sentinel", labels(archKey, "mips"), "sentinel", registry))
			for i := range before {
				before[i]++
			}
			eventually(t, func() error {
				if after := requests(t); slices.ContainsFunc([]int{0, 1, 2, 3}, func(i int) bool { return after[i] < before[i] }) {
					return fmt.Errorf("calls %v; want %v at least", after, before)
				}
				return nil
			})
			if after := requests(t); after != before {
				t.Errorf("calls of %v: %v; want %v", cluster.WebhookPaths, after, before)
			}
		})
	}
}

// TestNoObjectMakesAConditionFail sends objects that lack everything that the
// conditions read, or hold it in another type. Whatever answers, it must not
// be the evaluation of a condition.
func TestNoObjectMakesAConditionFail(t *testing.T) {
	const header = `{"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataImportCron",`
	const sspHeader = `{"apiVersion":"ssp.kubevirt.io/v1beta3","kind":"SSP",`
	labelled := func(spec string) string {
		return header + `"metadata":{"name":"odd-arm64","labels":{"` + archKey + `":"arm64","` + baseKey + `":"odd"}},"spec":` + spec + `}`
	}
	for name, body := range map[string]string{
		"no metadata but a name":           header + `"metadata":{"name":"odd"}}`,
		"no spec, and a label":             header + `"metadata":{"name":"odd","labels":{"` + archKey + `":"arm64"}}}`,
		"null for metadata's maps":         header + `"metadata":{"name":"odd","labels":null,"annotations":null},"spec":null}`,
		"null for a label":                 header + `"metadata":{"name":"odd","labels":{"` + archKey + `":null},"annotations":{"` + listKey + `":null}},"spec":{}}`,
		"a number for a label":             header + `"metadata":{"name":"odd","labels":{"` + archKey + `":5}},"spec":{}}`,
		"only a generateName":              header + `"metadata":{"generateName":"odd-","labels":{"` + archKey + `":"arm64"}},"spec":{}}`,
		"a null deletionTimestamp":         header + `"metadata":{"name":"odd","deletionTimestamp":null,"labels":{"` + archKey + `":"arm64"}},"spec":{}}`,
		"an empty label":                   header + `"metadata":{"name":"odd","labels":{"` + archKey + `":""}},"spec":{}}`,
		"a string for spec":                labelled(`"x"`),
		"an array for spec":                labelled(`[1]`),
		"a number for managedDataSource":   labelled(`{"managedDataSource":5}`),
		"an object for managedDataSource":  labelled(`{"managedDataSource":{"a":"b"}}`),
		"a string for template":            labelled(`{"managedDataSource":"odd-arm64","template":"x"}`),
		"an array for template.spec":       labelled(`{"managedDataSource":"odd-arm64","template":{"spec":[]}}`),
		"a boolean for source":             labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":true}}}`),
		"a number for registry":            labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":{"registry":1.5}}}}`),
		"null for registry":                labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":{"registry":null}}}}`),
		"a string for platform":            labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":{"registry":{"platform":"arm64"}}}}}`),
		"a list for architecture":          labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":{"registry":{"platform":{"architecture":["arm64"]}}}}}}`),
		"an SSP with a name only":          sspHeader + `"metadata":{"name":"odd"}}`,
		"an SSP with a string for spec":    sspHeader + `"metadata":{"name":"odd"},"spec":"x"}`,
		"an SSP with an array for spec":    sspHeader + `"metadata":{"name":"odd"},"spec":[1]}`,
		"an array for registry":            labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":{"registry":[1]}}}}`),
		"an array for source":              labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":[1]}}}`),
		"an array for template":            labelled(`{"managedDataSource":"odd-arm64","template":[1]}`),
		"an array for platform":            labelled(`{"managedDataSource":"odd-arm64","template":{"spec":{"source":{"registry":{"platform":["arm64"]}}}}}`),
		"an SSP with null for templates":   sspHeader + `"metadata":{"name":"odd"},"spec":{"commonTemplates":{"namespace":"x","dataImportCronTemplates":null}}}`,
		"an SSP with a number for cluster": sspHeader + `"metadata":{"name":"odd"},"spec":{"cluster":5,"commonTemplates":{"namespace":"x"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			obj := &unstructured.Unstructured{}
			if err := json.Unmarshal([]byte(body), &obj.Object); err != nil {
				t.Fatal(err)
			}
			obj.SetNamespace(golden)
			err := env.client.Create(context.Background(), obj)
			if err == nil {
				remove(obj)
				return
			}
			notByACondition(t, err)
		})
	}
	for _, patch := range []string{
		`{"spec":null}`, `{"spec":"x"}`, `{"spec":[1]}`,
		`{"spec":{"managedDataSource":null}}`, `{"spec":{"managedDataSource":5}}`, `{"spec":{"managedDataSource":[1]}}`,
		`{"spec":{"template":null}}`, `{"spec":{"template":5}}`, `{"spec":{"template":[1]}}`,
		`{"spec":{"template":{"spec":null}}}`, `{"spec":{"template":{"spec":[1]}}}`,
		`{"spec":{"template":{"spec":{"source":null}}}}`, `{"spec":{"template":{"spec":{"source":[1]}}}}`,
		`{"spec":{"template":{"spec":{"source":{"registry":[1]}}}}}`, `{"metadata":{"labels":null},"spec":5}`,
	} {
		t.Run("an update by "+patch, func(t *testing.T) {
			obj := complete("odd-s390x", "odd", "s390x")
			create(t, obj)
			notByACondition(t, env.client.Patch(t.Context(), obj, client.RawPatch("application/merge-patch+json", []byte(patch))))
		})
	}
	env.warnings.take()
	t.Run("an update that takes everything away", func(t *testing.T) {
		obj := complete("bare-arm64", "bare", "arm64")
		set(obj, "x", "metadata", "annotations", "mine")
		create(t, obj)
		if got := merge(t, obj, `{"metadata":{"labels":null,"annotations":null}}`); len(got.errors) > 0 {
			t.Errorf("%+v", got)
		}
		if got := merge(t, obj, `{"metadata":{"labels":{"mine":"x"}}}`); len(got.errors) > 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestTheConditionsAreCheapEnoughForTheLargestSSP fills what etcd takes with
// the smallest templates, and with as many as are looked at twice. The API
// server bounds CEL's cost, by 1,000,000 for an expression and 2,500,000 for the
// conditions of a webhook together, and rejects the write that exceeds it. 500
// templates looked at twice cost 44,000.
func TestTheConditionsAreCheapEnoughForTheLargestSSP(t *testing.T) {
	const most = 1_400_000 // bytes of etcd's 1.5 MiB for a request
	bePatient(t)
	for _, tc := range []struct {
		name  string
		count int
	}{{"largest", 13_000}, {"large", 500}} {
		t.Run(tc.name, func(t *testing.T) {
			var templates []any
			for i := range tc.count {
				name := fmt.Sprintf("t%05d", i)
				template := map[string]any{
					"metadata": map[string]any{"name": name},
					"spec": map[string]any{
						"managedDataSource": name, "schedule": "", "template": map[string]any{"spec": map[string]any{}},
					},
				}
				raw, err := json.Marshal(template)
				if err != nil {
					t.Fatal(err)
				}
				if room := most/tc.count - len(raw); room > 1000 {
					set(&unstructured.Unstructured{Object: template}, strings.Repeat("x", room-100), "metadata", "annotations", "mine")
				}
				templates = append(templates, template)
			}
			obj := set(ssp(tc.name), templates, "spec", "commonTemplates", "dataImportCronTemplates")
			if got := create(t, obj); len(got.errors) > 0 {
				t.Fatalf("created: %+v", got)
			}
			obj = set(stored(t, obj), "1", "metadata", "labels", "mine")
			if got := update(t, obj); len(got.errors) > 0 {
				t.Errorf("labelled: %+v", got)
			}
			last := templates[tc.count-1].(map[string]any)
			set(&unstructured.Unstructured{Object: last}, "other", "spec", "managedDataSource")
			obj = set(stored(t, obj), templates, "spec", "commonTemplates", "dataImportCronTemplates")
			if got := update(t, obj); len(got.errors) > 0 {
				t.Errorf("changed: %+v", got)
			}
			var called []int
			for _, event := range auditEvents(t, obj.GetName()) {
				if event.ObjectRef.Name == tc.name {
					called = append(called, len(event.calledWebhooks()))
				}
			}
			if fmt.Sprint(called) != "[1 0 1]" {
				t.Errorf("webhooks called at create, label and change: %v; want [1 0 1]", called)
			}
		})
	}
}

// bePatient gives the webhooks of SSPs more time than they have by default, until
// the test ends: a busy machine needs it for the largest.
func bePatient(t *testing.T) {
	t.Helper()
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "dicer"}, configuration); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.InstallWebhooks(context.Background(), env.webhook); err != nil {
			t.Errorf("installing the webhooks as they were: %v", err)
		}
	})
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].TimeoutSeconds = ptr.To(int32(30))
	}
	if err := env.Client.Update(t.Context(), configuration); err != nil {
		t.Fatal(err)
	}
}
