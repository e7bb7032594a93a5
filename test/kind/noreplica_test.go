//go:build kind

package kind

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// testNoReplica makes each write that docs/operations.md tells of, while the
// webhook's Deployment has no replica, and compares what becomes of it.
func testNoReplica(t *testing.T, s *suite) {
	objects := s.prepare(t)
	s.kubectl(t, "scale", "--namespace", namespace, "deployment/dicer-webhook", "--replicas=0")
	s.eventually(t, 3*time.Minute, func() error {
		list, err := s.list(t, "webhook")
		if err == nil && len(list) > 0 {
			return fmt.Errorf("%d pods are left", len(list))
		}
		return err
	})
	documented := documentedWrites(t)
	writes := s.writes(t, objects)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(writes))); diff != "" {
		t.Errorf("writes (-docs/operations.md +this test):\n%s", diff)
	}
	refused := 0
	for name, write := range writes {
		got := "passes"
		if err := write(); err != nil && strings.Contains(err.Error(), "failed calling webhook") {
			got = "refused"
			refused++
		} else if err != nil {
			got = err.Error()
		}
		if got != documented[name] {
			t.Errorf("%s: %s; docs/operations.md says: %s", name, got, documented[name])
		}
	}
	s.figures = fmt.Sprintf("%d writes: %d pass, %d are refused, as docs/operations.md says", len(writes), len(writes)-refused, refused)
	s.kubectl(t, "scale", "--namespace", namespace, "deployment/dicer-webhook", "--replicas=2")
	s.available(t)
	for name, want := range documented {
		if write := writes[name]; want == "refused" && write != nil {
			if err := write(); err != nil {
				t.Errorf("%s, with the webhook back: %v", name, err)
			}
		}
	}
	s.noneIsLeft(t)
}

// documentedWrites are the rows of the page's first table.
func documentedWrites(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "| write | no replica runs |\n| --- | --- |\n")
	text, _, _ = strings.Cut(text, "\n\n")
	rows := map[string]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			t.Fatalf("docs/operations.md: row %q", line)
		}
		rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
	}
	if len(rows) == 0 {
		t.Fatal("docs/operations.md has no table of writes")
	}
	return rows
}

// prepared are objects from before.
type prepared struct {
	cron, doomedCron, ssp, doomedSSP, hcoSSP *unstructured.Unstructured
}

func sspOf(name, architectures string) *unstructured.Unstructured {
	return parse(fmt.Sprintf(`
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: %s, namespace: %s}
spec:
  commonTemplates:
    namespace: %s
    dataImportCronTemplates:
    - metadata: {name: %s, annotations: {%s: %q}}
      spec: {managedDataSource: %s, schedule: 4 8/12 * * *, template: {spec: {source: {registry: {url: "docker://registry.invalid/image"}}, storage: {resources: {requests: {storage: 1Gi}}}}}}`,
		name, streamed, streamed, name, listKey, architectures, name))
}

func (s *suite) prepare(t *testing.T) *prepared {
	t.Helper()
	p := &prepared{
		cron: cron("plain", nil, "plain"), doomedCron: cron("doomed", nil, "doomed"),
		ssp: sspOf("mine", "amd64"), doomedSSP: sspOf("doomed", "amd64"), hcoSSP: sspOf("hco", "amd64"),
	}
	p.hcoSSP.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "hco-operator"})
	for _, object := range []*unstructured.Unstructured{p.cron, p.doomedCron, p.ssp, p.doomedSSP, p.hcoSSP} {
		if err := s.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// writes are those of docs/operations.md, by the names that they have there.
func (s *suite) writes(t *testing.T, p *prepared) map[string]func() error {
	create := func(object client.Object) func() error {
		return func() error { return s.Client.Create(t.Context(), object) }
	}
	patch := func(object *unstructured.Unstructured, text string) func() error {
		return func() error {
			return s.Client.Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(text)))
		}
	}
	remove := func(object *unstructured.Unstructured) func() error {
		return func() error { return s.Client.Delete(t.Context(), object) }
	}
	complete := cron("complete-amd64", map[string]string{archKey: "amd64", baseKey: "complete"}, "complete-amd64")
	if err := unstructured.SetNestedField(complete.Object, "amd64", "spec", "template", "spec", "source", "registry", "platform", "architecture"); err != nil {
		t.Fatal(err)
	}
	incomplete := func(in string) *unstructured.Unstructured {
		object := cron("incomplete-amd64", map[string]string{archKey: "amd64"}, "incomplete")
		object.SetNamespace(in)
		return object
	}
	empty := parse("{apiVersion: ssp.kubevirt.io/v1beta3, kind: SSP, metadata: {name: empty, namespace: " + streamed + "}, spec: {commonTemplates: {namespace: " + streamed + "}}}")
	templates := func(architectures string) string {
		return `{"spec":{"commonTemplates":{"dataImportCronTemplates":[{"metadata":{"name":"other","annotations":{"` + listKey + `":"` + architectures +
			`"}},"spec":{"managedDataSource":"other","schedule":"4 8/12 * * *","template":{"spec":{"source":{"registry":{"url":"docker://registry.invalid/other"}}}}}}]}}}`
	}
	return map[string]func() error{
		"create a complete DataImportCron":                                           create(complete),
		"create a DataImportCron that declares nothing":                              create(cron("nothing", nil, "nothing")),
		"create a DataImportCron that has to be completed":                           create(incomplete(streamed)),
		"status of a DataImportCron, as CDI writes it":                               s.cronStatus(t, p.cron),
		"another label of a DataImportCron":                                          patch(p.cron, `{"metadata":{"labels":{"mine":"1"}}}`),
		"a finalizer of a DataImportCron":                                            patch(p.cron, `{"metadata":{"finalizers":["mine.invalid/one"]}}`),
		"architecture label of a DataImportCron":                                     patch(p.cron, `{"metadata":{"labels":{"`+archKey+`":"amd64"}}}`),
		"delete a DataImportCron":                                                    remove(p.doomedCron),
		"create an SSP without templates":                                            create(empty),
		"create an SSP with templates":                                               create(sspOf("new", "amd64,arm64")),
		"status of an SSP":                                                           s.sspStatus(t, p.ssp),
		"another label of an SSP":                                                    patch(p.ssp, `{"metadata":{"labels":{"mine":"1"}}}`),
		"SSP, but for templates and spec.cluster":                                    patch(p.ssp, `{"spec":{"templateValidator":{"replicas":1}}}`),
		"a template of an SSP":                                                       patch(p.ssp, templates("arm64")),
		"a template of an SSP that HCO manages":                                      patch(p.hcoSSP, templates("arm64")),
		"delete an SSP":                                                              remove(p.doomedSSP),
		"fan-out's own DataImportCrons":                                              s.fanout(t),
		"create a ConfigMap, as an example of everything else":                       create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "other", Namespace: streamed}}),
		"create a DataImportCron in a namespace labelled dicer.dev/admission=ignore": create(incomplete(ignored)),
	}
}

// cronStatus writes it through the main resource: there is no other.
func (s *suite) cronStatus(t *testing.T, object *unstructured.Unstructured) func() error {
	return func() error {
		stored := object.DeepCopy()
		if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(object), stored); err != nil {
			return err
		}
		if err := unstructured.SetNestedField(stored.Object, "pvc", "status", "sourceFormat"); err != nil {
			return err
		}
		return s.Client.Update(t.Context(), stored)
	}
}

func (s *suite) sspStatus(t *testing.T, object *unstructured.Unstructured) func() error {
	return func() error {
		return s.Client.Status().Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"phase":"Deployed"}}`)))
	}
}

// fanout has it make DataImportCrons of an SSP that HCO manages, which may be
// written now, where fan-out itself writes.
func (s *suite) fanout(t *testing.T) func() error {
	return func() error {
		ssp := sspOf("fanned", "amd64,arm64")
		ssp.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "hco-operator"})
		templates, _, _ := unstructured.NestedSlice(ssp.Object, "spec", "commonTemplates", "dataImportCronTemplates")
		if err := unstructured.SetNestedField(templates[0].(map[string]any), golden, "metadata", "namespace"); err != nil {
			return err
		}
		if err := unstructured.SetNestedSlice(ssp.Object, templates, "spec", "commonTemplates", "dataImportCronTemplates"); err != nil {
			return err
		}
		if err := s.Client.Create(t.Context(), ssp); err != nil {
			return err
		}
		return cluster.Eventually(t.Context(), time.Minute, func(ctx context.Context) error {
			for _, name := range []string{"fanned-amd64", "fanned-arm64"} {
				made := cron(name, nil, "")
				made.SetNamespace(golden)
				if err := s.Client.Get(ctx, client.ObjectKeyFromObject(made), made); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// noneIsLeft removes what the writes have made.
func (s *suite) noneIsLeft(t *testing.T) {
	t.Helper()
	s.kubectl(t, "patch", "dataimportcron", "plain", "--namespace", streamed, "--type=merge", "--patch", `{"metadata":{"finalizers":null}}`)
	s.kubectl(t, "delete", "ssps,dataimportcrons", "--all", "--namespace", streamed)
	s.kubectl(t, "delete", "dataimportcrons", "--all", "--namespace", ignored)
	s.kubectl(t, "delete", "configmap", "other", "--namespace", streamed)
	s.stand(t)
}
