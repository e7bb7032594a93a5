//go:build chaos

package chaos

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

const (
	// system and service are where the configurations look for the webhook.
	system  = "dicer-system"
	service = "dicer-webhook"
	// streamed is where the writes go.
	streamed = "streamed"

	// replicas are as many as deploy/base has.
	replicas = 2
	// drainDelay leaves the balancer's lag, and a slow machine, time to notice.
	drainDelay = endpointLag + 3*time.Second
	// patience is generous: a busy machine is no failure.
	patience = 2 * time.Minute
)

// suite is what the cases share.
type suite struct {
	*cluster.Cluster
	ctx      context.Context
	options  cluster.WebhookOptions
	balancer *balancer
	// authority signs what the replicas serve with. It is trusted by whoever calls
	// them, for a while beside another one.
	authority *cluster.Certificates
	trusted   atomic.Pointer[x509.CertPool]
	replicas  []*replica
	// configurations are as shipped; generation counts their changes.
	configurations []*unstructured.Unstructured
	generation     int
	byURL          bool
	// retired are replicas that were told to stop.
	retired  sync.WaitGroup
	draining chan struct{}
	drains   drains

	// report is the running case's.
	report report
}

func newSuite(ctx context.Context, t *testing.T) *suite {
	t.Helper()
	t.Log("starting etcd, an API server and two replicas behind a balancer")
	s := &suite{ctx: ctx, draining: make(chan struct{}, maxDraining)}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	for range replicas {
		s.replicas = append(s.replicas, s.startReplica(t))
	}
	s.trust(t, s.authority.CABundle)
	return s
}

func (s *suite) start() error {
	var err error
	if s.Cluster, err = cluster.Start(s.ctx, cluster.Options{CRDs: crds.All()}); err != nil {
		return err
	}
	if s.balancer, err = newBalancer(); err != nil {
		return err
	}
	for _, name := range []string{system, streamed, marked} {
		if err := s.Namespace(s.ctx, name, nil); err != nil {
			return err
		}
	}
	// No node has the addresses of Services here, so it is another name of this host.
	err = s.Client.Create(s.ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: service},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	})
	if err != nil {
		return err
	}
	if s.configurations, err = s.WebhookConfigurations(s.ctx); err != nil {
		return err
	}
	s.options = cluster.WebhookOptions{LogDir: s.Dir, ShutdownDelay: drainDelay}
	if s.options.Env, err = s.WebhookEnvironment(s.ctx); err != nil {
		return err
	}
	if s.options.Binary, err = cluster.BuildWebhook(s.ctx, s.Dir); err != nil {
		return err
	}
	s.authority, err = cluster.NewCertificates(filepath.Join(s.Dir, "ca"))
	return err
}

// close leaves no process and no file.
func (s *suite) close() error {
	for _, r := range s.replicas {
		r.Kill()
	}
	s.retired.Wait()
	if s.balancer != nil {
		s.balancer.close()
	}
	if s.Cluster == nil {
		return nil
	}
	return s.Stop()
}

// begin has every case begin with what it needs: two replicas that are ready, and
// an API server that calls them by their Service.
func (s *suite) begin(t *testing.T) {
	t.Helper()
	for i, r := range s.replicas {
		select {
		case <-r.Exited():
			s.replicas[i] = s.startReplica(t)
		default:
		}
		s.eventually(t, func() error { return s.replicas[i].Ready(s.ctx) })
	}
	if s.byURL {
		s.byURL = false
		s.trust(t, s.authority.CABundle)
	}
}

// eventually ends the test where a condition does not come true.
func (s *suite) eventually(t *testing.T, check func() error) {
	t.Helper()
	if err := cluster.Eventually(s.ctx, patience, func(context.Context) error { return check() }); err != nil {
		t.Fatal(err)
	}
}

// wait ends the test where it is told to stop.
func (s *suite) wait(t *testing.T, during time.Duration) {
	t.Helper()
	if !sleep(s.ctx, during) {
		t.Fatal(context.Cause(s.ctx))
	}
}

// replica is a process of the webhook with a folder for its certificate, as each pod
// has one.
type replica struct {
	*cluster.Webhook
	certificates *cluster.Certificates
	backend      *backend
}

var replicaNumber atomic.Int32

// launch starts a replica that no balancer knows.
func (s *suite) launch(t *testing.T) *replica {
	t.Helper()
	if s.ctx.Err() != nil {
		t.Fatal(context.Cause(s.ctx))
	}
	certificates := s.authority.In(filepath.Join(s.Dir, fmt.Sprintf("tls-%d", replicaNumber.Add(1))))
	if err := certificates.Rotate(); err != nil {
		t.Fatal(err)
	}
	options := s.options
	options.Certificates = certificates
	var webhook *cluster.Webhook
	var err error
	// Another program may have taken a port that was free.
	for range 3 {
		if webhook, err = cluster.StartWebhook(s.ctx, options); err == nil {
			return &replica{Webhook: webhook, certificates: certificates}
		}
	}
	t.Fatal(err)
	return nil
}

// startReplica returns once the balancer sends connections to the new one.
func (s *suite) startReplica(t *testing.T) *replica {
	t.Helper()
	r := s.launch(t)
	r.backend = s.balancer.add(r.Address(), r.Ready)
	s.eventually(t, func() error {
		if !s.balancer.lists(r.backend) {
			return errors.New("the balancer does not list the new replica")
		}
		return nil
	})
	return r
}

// replace puts a new replica in the place of one that has gone.
func (s *suite) replace(t *testing.T, i int) {
	t.Helper()
	gone := s.replicas[i]
	s.replicas[i] = s.startReplica(t)
	s.discard(gone)
}

// discard forgets a replica that has exited.
func (s *suite) discard(gone *replica) {
	s.balancer.remove(gone.backend)
	_ = os.RemoveAll(gone.certificates.Dir) // it goes with s.Dir at the latest
}

// marker is an object that is never stored.
func marker(kind string) client.Object {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: marked, Name: "marker", Labels: map[string]string{marked: kind}}}
}
