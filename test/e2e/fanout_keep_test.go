package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	sspv1beta2 "kubevirt.io/ssp-operator/api/v1beta2"
	sspv1beta3 "kubevirt.io/ssp-operator/api/v1beta3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// oddTemplates are written as people write: a typed client writes them
// otherwise.
var oddTemplates = []string{
	templateOf("odd", "amd64,arm64,s390x", `{managedDataSource: odd, schedule: "1 * * * *", importsToKeep: 0, retentionPolicy: None, template: {
		metadata: {labels: {inner: x}, annotations: {}},
		spec: {source: {`+registry+`}, checkpoints: [], storage: {accessModes: [], storageClassName: "", resources: {limits: {}, requests: {storage: 30720Mi}}}}}}`, ", labels: {mine: x}"),
	templateOf("number", "arm64,amd64", `{managedDataSource: number, schedule: "2 * * * *", template: {
		spec: {source: {`+registry+`}, storage: {resources: {requests: {storage: 32212254720}, limits: {storage: 0.5e12}}}}}}`, ""),
	scheduled("plain", "amd64", 3, ""),
}

// kept is a place whose DataImportCrons are to stay whatever happens.
type kept struct {
	*place
	// whole is the test of all steps: controllers outlive a step.
	whole  *testing.T
	fanout *cluster.Fanout
	ssp    *unstructured.Unstructured
	before map[string]*unstructured.Unstructured
}

// restart stops the controller and starts another one.
func (k *kept) restart(binary string, args ...string) {
	k.t.Helper()
	k.unchanged()
	k.stop(k.fanout)
	k.run(binary, args...)
}

func (k *kept) run(binary string, args ...string) {
	k.whole.Helper()
	f, err := cluster.StartFanout(k.whole.Context(), cluster.FanoutOptions{
		Binary: binary, Kubeconfig: fanoutSetup.kubeconfig, LogDir: fanoutSetup.dir, Args: append(slices.Clone(k.args), args...),
	})
	if err != nil {
		k.t.Fatal(err)
	}
	k.whole.Cleanup(f.Kill)
	k.fanout = f
}

// unchanged waits for a reconcile, and fails where anything was replaced.
func (k *kept) unchanged() {
	k.t.Helper()
	// Twice: the first may have begun before the last change.
	k.reconciled(k.fanout, k.ssp)
	k.reconciled(k.fanout, k.ssp)
	k.sameAs(k.before)
	if deleted := k.value(k.fanout, "dicer_fanout_deleted_total", nil); deleted != 0 || k.deletes() != 0 {
		k.t.Errorf("counted as deleted: %v; DELETE requests: %d; want none", deleted, k.deletes())
	}
	if wanted, present := k.value(k.fanout, "dicer_fanout_wanted", nil), k.value(k.fanout, "dicer_fanout_present", nil); wanted != float64(len(k.before)) || present != wanted {
		k.t.Errorf("%v wanted, %v present; want %d", wanted, present, len(k.before))
	}
}

func (k *kept) sspClient(add func(*runtime.Scheme) error) client.Client {
	k.t.Helper()
	scheme := runtime.NewScheme()
	if err := add(scheme); err != nil {
		k.t.Fatal(err)
	}
	c, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

// rewrite has the SSP written by a person, then read into a Go type and written
// back.
func (k *kept) rewrite(object client.Object, add func(*runtime.Scheme) error) {
	k.t.Helper()
	k.ssp = k.place.ssp("ssp", oddTemplates...)
	c := k.sspClient(add)
	if err := c.Get(k.t.Context(), client.ObjectKeyFromObject(k.ssp), object); err != nil {
		k.t.Fatal(err)
	}
	generation := object.GetGeneration()
	metav1.SetMetaDataAnnotation(object.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta), "e2e/rewritten", fmt.Sprintf("%T", object))
	if err := c.Update(k.t.Context(), object); err != nil {
		k.t.Fatal(err)
	}
	if object.GetGeneration() == generation {
		k.t.Errorf("%T writes the same text: the case shows nothing", object)
	}
}

func TestFanoutReplacesNothingWithoutAReason(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	// CDI compares specs as Go values; the policy of the tests, which compares
	// them as JSON, would stop its status writes here.
	p.patch(namespaceObject(p.golden), `{"metadata":{"labels":{"e2e":null}}}`)
	k := &kept{place: p, whole: t}
	k.run(fanoutSetup.binary)
	k.ssp = p.ssp("ssp", oddTemplates...)
	k.before = p.stand("odd-amd64", "odd-arm64", "odd-s390x", "number-amd64", "number-arm64", "plain-amd64")
	for _, step := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"a reconcile", func(*testing.T) {}},
		{"a restart", func(*testing.T) { k.restart(fanoutSetup.binary) }},
		{"a SIGKILL", func(*testing.T) { k.fanout.Kill(); k.run(fanoutSetup.binary) }},
		{"a new binary", k.newBinary},
		{"another order of --architectures", func(*testing.T) { k.restart(fanoutSetup.binary, "--architectures=s390x,arm64,amd64") }},
		{"one more of --architectures", func(*testing.T) { k.restart(fanoutSetup.binary, "--architectures=amd64,arm64,riscv64,s390x") }},
		{"the SSP touched 20 times", k.touch},
		{"templates in another order", func(*testing.T) { k.ssp = p.ssp("ssp", oddTemplates[2], oddTemplates[1], oddTemplates[0]) }},
		{"lists in another order", func(*testing.T) {
			k.ssp = p.ssp("ssp", strings.Replace(oddTemplates[0], "amd64,arm64,s390x", " s390x ,amd64, arm64", 1), oddTemplates[1], oddTemplates[2])
		}},
		{"another writer's labels and annotations", func(*testing.T) {
			for _, cron := range k.before {
				p.patch(cron, `{"metadata":{"labels":{"theirs":"x"},"annotations":{"theirs":"x"},"finalizers":["e2e/theirs"]}}`)
			}
		}},
		{"another writer's managedFields", k.serverSideApply},
		{"CDI's status writes", k.cdiStatus},
		{"the SSP rewritten by a typed client", func(*testing.T) { k.rewrite(&sspv1beta3.SSP{}, sspv1beta3.AddToScheme) }},
		{"a typed client and a restart", func(*testing.T) { k.restart(fanoutSetup.binary) }},
		{"the SSP rewritten in v1beta2", func(*testing.T) { k.rewrite(&sspv1beta2.SSP{}, sspv1beta2.AddToScheme) }},
	} {
		t.Run(step.name, func(t *testing.T) {
			k.t, p.t = t, t
			step.do(t)
			k.unchanged()
		})
	}
	k.t, p.t = t, t
	for _, cron := range k.before {
		p.patch(cron, `{"metadata":{"finalizers":null}}`)
	}
}

func namespaceObject(name string) *unstructured.Unstructured {
	return parse(fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}", name))
}

func (k *kept) newBinary(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "fanout")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-X github.com/dicer-dev/dicer/internal/command.version=v9.9.9", "-o", binary, "./cmd/dicer")
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "GOTMPDIR="+dir)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	k.restart(binary)
	if log, err := k.fanout.Logs(); err != nil || !strings.Contains(log, "v9.9.9") {
		t.Errorf("not the new binary: %v\n%s", err, log)
	}
}

func (k *kept) touch(*testing.T) {
	for i := range 20 {
		k.patch(k.ssp, fmt.Sprintf(`{"metadata":{"annotations":{"e2e/touched":"%d"},"labels":{"e2e/touched":"%d"}}}`, i, i))
	}
}

func (k *kept) serverSideApply(t *testing.T) {
	for name := range k.before {
		manifest := fmt.Sprintf("{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataImportCron, metadata: {name: %s, namespace: %s, labels: {applied: x, %s: dicer}}}", name, k.golden, "app.kubernetes.io/managed-by")
		if _, _, err := env.Kubectl(t.Context(), manifest, "apply", "--server-side", "--field-manager=theirs", "-f", "-"); err != nil {
			t.Fatal(err)
		}
	}
}

// cdiStatus writes the status of each DataImportCron as CDI does: by an update
// of the whole object, which rewrites its spec's text too.
func (k *kept) cdiStatus(t *testing.T) {
	c := k.sspClient(cdiv1beta1.AddToScheme)
	changed := 0
	for name := range k.before {
		var cron cdiv1beta1.DataImportCron
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: k.golden, Name: name}, &cron); err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprint(stored(t, k.before[name]).Object["spec"])
		cron.Status.CurrentImports = append(cron.Status.CurrentImports, cdiv1beta1.ImportStatus{DataVolumeName: "x", Digest: "x"})
		if err := c.Update(t.Context(), &cron); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(stored(t, k.before[name]).Object["spec"]) != before {
			changed++
		}
	}
	if changed == 0 {
		t.Error("CDI's writes changed the text of no spec: the case shows nothing")
	}
}
