package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// fanoutUser is who the fan-out controller is to the API server: every test
// runs it with the permissions of deploy/fanout, under --templates=all with that
// of its component, and no others.
const fanoutUser = "system:serviceaccount:dicer-system:dicer-fanout"

const (
	fanoutManifests = "deploy/fanout"
	// templatesAll is the flag, and the component that has its permission.
	templatesAll          = "--templates=all"
	templatesAllComponent = "deploy/components/templates-all"
)

// place is a corner of the cluster that one test has to itself: a namespace for
// its SSPs, one for golden images, and controllers that see no others.
type place struct {
	t *testing.T
	// ssps is outside of admission's sight, so that invalid SSPs get in;
	// golden is not.
	ssps, golden string
	// Default flags, which a test may add to before start.
	args []string
	// controllers are those that were started here, also those that have ended.
	controllers []*cluster.Fanout
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
	manifests, err := env.Manifests(ctx, fanoutManifests)
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
	p.args = append([]string{
		"--ssp-namespaces=" + p.ssps, "--golden-images-namespace=" + p.golden, "--recreate-delay=1s", "--leader-elect=false",
	}, args...)
	p.grant(p.golden)
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
	if slices.Contains(p.args, templatesAll) {
		p.role(namespace, templatesAllComponent)
	} else {
		p.role(namespace)
	}
}

// role installs the Role of deploy/fanout in a namespace, with components'
// additions and no others.
func (p *place) role(namespace string, components ...string) {
	p.t.Helper()
	manifests, err := env.Manifests(p.t.Context(), fanoutManifests, components...)
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
	return p.startAs(fanoutSetup.kubeconfig, args...)
}

// startAs starts a controller that is somebody else to the API server.
func (p *place) startAs(kubeconfig string, args ...string) *cluster.Fanout {
	p.t.Helper()
	f, err := cluster.StartFanout(p.t.Context(), cluster.FanoutOptions{
		Binary: fanoutSetup.binary, Kubeconfig: kubeconfig, LogDir: fanoutSetup.dir, Args: append(slices.Clone(p.args), args...),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.controllers = append(p.controllers, f)
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
