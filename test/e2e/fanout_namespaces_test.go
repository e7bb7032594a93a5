package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// in is a template of another namespace.
func in(namespace, name string) string {
	return template(name, "amd64,arm64", name, fmt.Sprintf(", namespace: %q", namespace))
}

func TestFanoutWritesOnlyToItsTargetNamespaces(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	target, unlisted := p.golden+"-target", p.golden+"-unlisted"
	for _, namespace := range []string{target, unlisted} {
		p.namespace(namespace, nil)
		p.grant(namespace)
	}
	f := p.start("--target-namespaces=" + target)
	object := p.ssp("ssp", in(target, "a"), in(unlisted, "b"), template("c", "amd64", "c", ""))
	p.stand("c-amd64")
	p.eventually(func() error {
		if found := p.crons(target); found["a-amd64"] == nil || found["a-arm64"] == nil {
			return fmt.Errorf("%d stand in the target namespace", len(found))
		}
		return nil
	})
	e := p.told(p.ssps, "NamespaceNotAllowed", unlisted+"/b-amd64", "--target-namespaces", "Role")
	if e.Type != "Warning" {
		t.Errorf("the event is a %s", e.Type)
	}
	p.lookedTwice(f, object)
	if found := p.crons(unlisted); len(found) > 0 {
		t.Errorf("%d stand in the namespace that is not listed", len(found))
	}
	for _, e := range auditEvents(t, "b-") {
		if e.User.Username == fanoutUser && e.ObjectRef.Namespace == unlisted {
			t.Errorf("the controller sent %s %s", e.Verb, e.RequestURI)
		}
	}
}

func TestFanoutWaitsForAMissingNamespace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ kubeconfig, reason, advice string }{
		"that it may not write to":            {fanoutSetupKubeconfig(t), "WriteForbidden", "is the namespace there, and dicer's Role in it?"},
		"that it could write to, by its Role": {env.KubeconfigPath, "NamespaceMissing", "dicer creates no namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			missing := p.golden + "-missing"
			f := p.startAs(c.kubeconfig, "--target-namespaces="+missing)
			p.ssp("ssp", in(missing, "a"), template("c", "amd64", "c", ""))
			p.stand("c-amd64")
			// One that fails stands for all of its namespace.
			p.told(p.ssps, c.reason, missing+"/a-amd64", c.advice)
			p.shows(f, "dicer_fanout_failed", map[string]string{"reason": c.reason}, 2)
			p.backsOff(f)
			err := env.Client.Get(t.Context(), client.ObjectKey{Name: missing}, &corev1.Namespace{})
			if !apierrors.IsNotFound(err) {
				t.Errorf("getting the namespace: %v; want not found", err)
			}
			p.namespace(missing, nil)
			p.grant(missing)
			p.bothIn(missing)
		})
	}
}

// fanoutSetupKubeconfig is what the controller of deploy/fanout runs with.
func fanoutSetupKubeconfig(t *testing.T) string {
	t.Helper()
	if err := fanoutOnce(); err != nil {
		t.Fatal(err)
	}
	return fanoutSetup.kubeconfig
}

// backsOff counts the refused requests of some time: 1, 2, 4, 8 s lie between
// those for each DataImportCron, of which there are two.
func (p *place) backsOff(f *cluster.Fanout) {
	p.t.Helper()
	refused := func() float64 {
		return p.value(f, "rest_client_requests_total", map[string]string{"code": "403"}) + p.value(f, "rest_client_requests_total", map[string]string{"code": "404", "method": "POST"})
	}
	before := refused()
	time.Sleep(15 * time.Second)
	got := refused() - before
	p.t.Logf("%v refused requests for two DataImportCrons in 15 s", got)
	if got < 2 || got > 10 {
		p.t.Errorf("%v refused requests in 15 s; want 2 to 10", got)
	}
}

// bothIn waits until template a's DataImportCrons stand in a namespace.
func (p *place) bothIn(namespace string) {
	p.t.Helper()
	p.eventually(func() error {
		if found := p.crons(namespace); found["a-amd64"] == nil || found["a-arm64"] == nil {
			return fmt.Errorf("%d stand in %s", len(found), namespace)
		}
		return nil
	})
}

func TestFanoutWaitsForANamespaceThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	target := p.golden + "-target"
	p.namespace(target, nil)
	p.grant(target)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: target}}
	p.delete(namespace)
	f := p.start("--target-namespaces=" + target)
	p.ssp("ssp", in(target, "a"), template("c", "amd64", "c", ""))
	p.stand("c-amd64")
	p.told(p.ssps, "NamespaceMissing", target+"/a-amd64", "being terminated")
	p.backsOff(f)
	// No controller of Kubernetes' runs here that would finish it.
	if err := env.Client.SubResource("finalize").Update(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	p.eventually(func() error {
		if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the namespace is there: %v", err)
		}
		return nil
	})
	p.namespace(target, nil)
	p.grant(target)
	p.bothIn(target)
}
