package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// fanoutUser is who the fan-out controller is to the API server: every test
// runs it with the permissions of deploy/fanout and no others.
const fanoutUser = "system:serviceaccount:dicer-system:dicer-fanout"

// place is a corner of the cluster that one test has to itself: a namespace for
// its SSPs, one for golden images, and controllers that see no others.
type place struct {
	t *testing.T
	// ssps is outside of admission's sight, so that invalid SSPs get in;
	// golden is not.
	ssps, golden string
	// Default flags, which a test may add to before start.
	args []string
}

var (
	fanoutOnce  = sync.OnceValue(prepareFanout)
	fanoutSetup struct {
		binary, kubeconfig, dir string
	}
	placeNumber atomic.Int32
)

// prepareFanout installs what all places share: permissions, CDI's rule that a
// spec never changes, and the controller's binary.
func prepareFanout() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, name := range []string{"dicer-system", golden} {
		if err := env.Namespace(ctx, name, nil); err != nil {
			return err
		}
	}
	manifests, err := env.Manifests(ctx, "deploy/fanout")
	if err != nil {
		return err
	}
	if err := env.Apply(ctx, manifests); err != nil {
		return err
	}
	if err := env.Apply(ctx, []*unstructured.Unstructured{parse(immutableSpec), parse(immutableSpecBinding)}); err != nil {
		return err
	}
	fanoutSetup.dir = env.Dir
	if fanoutSetup.binary, err = cluster.BuildFanout(ctx, env.Dir); err != nil {
		return err
	}
	fanoutSetup.kubeconfig, err = env.ServiceAccountKubeconfig(ctx, "dicer-system", "dicer-fanout")
	return err
}

// immutableSpec is CDI's rule, which its own webhook enforces.
const (
	immutableSpec = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: cdi-spec-is-immutable}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {e2e: fanout}}
    resourceRules: [{apiGroups: [cdi.kubevirt.io], apiVersions: ["*"], operations: [UPDATE], resources: [dataimportcrons]}]
  validations: [{expression: object.spec == oldObject.spec, message: Cannot update DataImportCron Spec}]`
	immutableSpecBinding = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: cdi-spec-is-immutable}
spec: {policyName: cdi-spec-is-immutable, validationActions: [Deny]}`
)

// newPlace makes a place whose controllers get these flags too.
func newPlace(t *testing.T, args ...string) *place {
	t.Helper()
	if err := fanoutOnce(); err != nil {
		t.Fatal(err)
	}
	n := placeNumber.Add(1)
	p := &place{t: t, ssps: fmt.Sprintf("ssps-%d", n), golden: fmt.Sprintf("golden-%d", n)}
	p.namespace(p.ssps, map[string]string{"dicer.dev/admission": "ignore"})
	p.namespace(p.golden, map[string]string{"e2e": "fanout"})
	p.grant(p.golden)
	p.args = append([]string{
		"--ssp-namespaces=" + p.ssps, "--golden-images-namespace=" + p.golden, "--recreate-delay=1s", "--leader-elect=false",
	}, args...)
	return p
}

func (p *place) namespace(name string, labels map[string]string) {
	p.t.Helper()
	if err := env.Namespace(p.t.Context(), name, labels); err != nil {
		p.t.Fatal(err)
	}
}

// grant installs the Role for a target namespace, as the documentation says.
func (p *place) grant(namespace string) {
	p.t.Helper()
	manifests, err := env.Manifests(p.t.Context(), "deploy/fanout")
	if err != nil {
		p.t.Fatal(err)
	}
	var own []*unstructured.Unstructured
	for _, m := range manifests {
		if m.GetNamespace() == golden {
			m.SetNamespace(namespace)
			own = append(own, m)
		}
	}
	if err := env.Apply(p.t.Context(), own); err != nil {
		p.t.Fatal(err)
	}
}

// start starts a controller, which ends with the test.
func (p *place) start(args ...string) *cluster.Fanout {
	p.t.Helper()
	f, err := cluster.StartFanout(p.t.Context(), cluster.FanoutOptions{
		Binary: fanoutSetup.binary, Kubeconfig: fanoutSetup.kubeconfig, LogDir: fanoutSetup.dir, Args: append(slices.Clone(p.args), args...),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		f.Kill()
		if log, err := f.Logs(); p.t.Failed() && err == nil {
			p.t.Logf("the controller's log:\n%s", log)
		}
	})
	return f
}

// stop ends a controller as a rollout does.
func (p *place) stop(f *cluster.Fanout) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	if err := f.Stop(ctx); err != nil {
		p.t.Fatalf("stopping the controller: %v", err)
	}
}

// ssp writes an SSP of templates, replacing what it held before.
func (p *place) ssp(name string, templates ...string) *unstructured.Unstructured {
	p.t.Helper()
	object := ssp(name, templates...)
	object.SetNamespace(p.ssps)
	return p.put(object)
}

// put creates an object, or gives an existing one the same spec, labels and
// annotations.
func (p *place) put(object *unstructured.Unstructured) *unstructured.Unstructured {
	p.t.Helper()
	current := object.DeepCopy()
	err := env.Client.Get(p.t.Context(), client.ObjectKeyFromObject(object), current)
	if client.IgnoreNotFound(err) != nil {
		p.t.Fatal(err)
	}
	if err != nil {
		if err := env.Client.Create(p.t.Context(), object); err != nil {
			p.t.Fatal(err)
		}
		return object
	}
	object.SetResourceVersion(current.GetResourceVersion())
	if err := env.Client.Update(p.t.Context(), object); err != nil {
		p.t.Fatal(err)
	}
	return object
}

// delete deletes an object and waits for nothing.
func (p *place) delete(object client.Object) {
	p.t.Helper()
	if err := env.Client.Delete(p.t.Context(), object); err != nil {
		p.t.Fatal(err)
	}
}

// patch sends a merge patch.
func (p *place) patch(object *unstructured.Unstructured, patch string) {
	p.t.Helper()
	if err := env.Client.Patch(p.t.Context(), object.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		p.t.Fatal(err)
	}
}

// crons returns the DataImportCrons of a namespace by name.
func (p *place) crons(namespace string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	return p.list(namespace, "DataImportCron")
}

func (p *place) list(namespace, kind string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "cdi.kubevirt.io", Version: "v1beta1", Kind: kind + "List"})
	if err := env.Client.List(p.t.Context(), list, client.InNamespace(namespace)); err != nil {
		p.t.Fatal(err)
	}
	out := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		out[list.Items[i].GetName()] = &list.Items[i]
	}
	return out
}

// stand waits until exactly these DataImportCrons are in the golden namespace,
// none of them on its way out, and returns them.
func (p *place) stand(names ...string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	slices.Sort(names)
	var found map[string]*unstructured.Unstructured
	p.eventually(func() error {
		found = p.crons(p.golden)
		var have []string
		for name, object := range found {
			if object.GetDeletionTimestamp() != nil {
				name += " (being deleted)"
			}
			have = append(have, name)
		}
		slices.Sort(have)
		if !slices.Equal(have, names) {
			return fmt.Errorf("DataImportCrons %q stand; want %q", have, names)
		}
		return nil
	})
	return found
}

func (p *place) eventually(condition func() error) {
	p.t.Helper()
	if err := cluster.Eventually(p.t.Context(), time.Minute, func(context.Context) error { return condition() }); err != nil {
		p.t.Fatal(err)
	}
}

// reconciled waits until the controller has looked at everything once more: an
// SSP is touched, and the count of reconciles has moved on and stands still.
func (p *place) reconciled(f *cluster.Fanout, ssp *unstructured.Unstructured) {
	p.t.Helper()
	before := p.value(f, "controller_runtime_reconcile_total", nil)
	p.patch(ssp, fmt.Sprintf(`{"metadata":{"annotations":{"e2e/touched":"%d"}}}`, time.Now().UnixNano()))
	p.eventually(func() error {
		if p.value(f, "controller_runtime_reconcile_total", nil) == before || p.value(f, "controller_runtime_active_workers", nil) > 0 {
			return fmt.Errorf("no reconcile since %v", before)
		}
		return nil
	})
}

func (p *place) value(f *cluster.Fanout, metric string, labels map[string]string) float64 {
	p.t.Helper()
	value, err := f.Value(p.t.Context(), metric, labels)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// told waits for an event with a reason, on an object of a namespace, whose note
// has all these texts.
func (p *place) told(namespace, reason string, texts ...string) eventsv1.Event {
	p.t.Helper()
	var found eventsv1.Event
	p.eventually(func() error {
		var seen []string
		for _, e := range p.events(namespace) {
			seen = append(seen, e.Reason+": "+e.Note)
			missing := slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(e.Note, text) })
			if e.Reason == reason && !missing {
				found = e
				return nil
			}
		}
		return fmt.Errorf("no event %s with %q in:\n%s", reason, texts, strings.Join(seen, "\n"))
	})
	return found
}

func (p *place) events(namespace string) []eventsv1.Event {
	p.t.Helper()
	list := &eventsv1.EventList{}
	if err := env.Client.List(p.t.Context(), list, client.InNamespace(namespace)); err != nil {
		p.t.Fatal(err)
	}
	return list.Items
}

// writes returns the controller's requests that could change DataImportCrons or
// DataSources of a namespace, as the API server logged them; no dry runs. Each
// is "verb resource/name code".
func (p *place) writes(namespace string) []string {
	p.t.Helper()
	var out []string
	for _, e := range auditEvents(p.t, "") {
		if e.User.Username != fanoutUser || e.ObjectRef.Namespace != namespace || strings.Contains(e.RequestURI, "dryRun=") {
			continue
		}
		switch e.Verb {
		case "create", "update", "patch", "delete":
			out = append(out, fmt.Sprintf("%s %s/%s %d", e.Verb, e.ObjectRef.Resource, e.ObjectRef.Name, e.ResponseStatus.Code))
		}
	}
	return out
}

// without returns an object without what the API server and dicer's record add.
func without(object *unstructured.Unstructured) map[string]any {
	object = &unstructured.Unstructured{Object: bare(object)}
	annotations, labels := object.GetAnnotations(), object.GetLabels()
	for key := range annotations {
		if strings.HasPrefix(key, "dicer.dev/") {
			delete(annotations, key)
		}
	}
	delete(labels, "app.kubernetes.io/managed-by")
	object.SetAnnotations(annotations)
	object.SetLabels(labels)
	return object.Object
}
