package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

const (
	// endpointLag is how long a replica that stops still gets connections: nodes
	// hear of it later.
	endpointLag = 2 * time.Second
	// shutdownDelay is more than that, as in deploy/base.
	shutdownDelay = 5 * time.Second
	// patience bounds all that is waited for; a busy machine is no failure.
	patience = 5 * time.Minute
)

// deployment is two replicas behind a service.
type deployment struct {
	*cluster.Cluster
	service      *service
	certificates *cluster.Certificates
	replicas     []*cluster.Webhook
	// stopping are those that were told to.
	stopping sync.WaitGroup
}

// TestUpgradeAndBackUnderWrites goes from the preceding tag to this revision and back.
// No write may fail, go through without its patch, or be accepted against the rules.
func TestUpgradeAndBackUnderWrites(t *testing.T) {
	log.SetLogger(logr.Discard())
	tag, source := preceding(t)
	d := newDeployment(t)
	before := newRelease(t, d.Cluster, tag, source)
	after := newRelease(t, d.Cluster, "this revision", "../..")
	d.rollOut(t, before)
	waitFor(t, func(ctx context.Context) error { return inForce(ctx, d.Client) })
	ctx, stop := context.WithCancel(t.Context())
	o := &outcome{}
	group := stream(ctx, d.Client, o)
	defer group.Wait()
	defer stop()
	flow := func(step string) {
		t.Helper()
		o.mu.Lock()
		more := o.writes + 100
		o.mu.Unlock()
		waitFor(t, func(context.Context) error { return o.grown(more) })
		t.Logf("%s: %s", step, o)
	}
	flow("with " + before.name)
	d.rollOut(t, after)
	flow("with " + after.name)
	d.rollOut(t, before)
	flow("back with " + before.name)
	d.stopping.Wait()
	flow("once all that were replaced are gone")
	stop()
	group.Wait()
	for _, text := range o.wrong[:min(len(o.wrong), 10)] {
		t.Error(text)
	}
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	c, err := cluster.Start(t.Context(), cluster.Options{CRDs: crds.All()})
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{Cluster: c}
	t.Cleanup(func() {
		for _, replica := range d.replicas {
			replica.Kill()
		}
		d.stopping.Wait()
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if d.service != nil {
			d.service.close()
		}
	})
	if err := c.Namespace(t.Context(), namespace, nil); err != nil {
		t.Fatal(err)
	}
	if d.certificates, err = cluster.NewCertificates(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if d.service, err = newService(); err != nil {
		t.Fatal(err)
	}
	return d
}

// rollOut applies a release's configurations, then replaces each replica: the new one
// comes first.
func (d *deployment) rollOut(t *testing.T, r *release) {
	t.Helper()
	if err := r.apply(t.Context(), d.Cluster, d.service.address(), d.certificates.CABundle); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		replica := d.start(t, r)
		d.replicas = append(d.replicas, replica)
		d.service.add(replica.Address())
		if len(d.replicas) > 2 {
			d.replace(t, d.replicas[0])
			d.replicas = d.replicas[1:]
		}
	}
}

func (d *deployment) start(t *testing.T, r *release) *cluster.Webhook {
	t.Helper()
	var replica *cluster.Webhook
	waitFor(t, func(ctx context.Context) (err error) {
		replica, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{
			Binary: r.binary, Certificates: d.certificates, LogDir: t.TempDir(), ShutdownDelay: shutdownDelay, Env: r.environment,
		})
		// A connection of the stream may have got one of its ports meanwhile.
		if err != nil && !strings.Contains(err.Error(), "address already in use") {
			t.Fatal(err)
		}
		return err
	})
	return replica
}

// replace returns once a replica gets no new connections. It is not waited for: its
// clients keep theirs for up to 90 s.
func (d *deployment) replace(t *testing.T, replica *cluster.Webhook) {
	t.Helper()
	d.stopping.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := replica.Stop(ctx); err != nil {
			t.Errorf("a replica that was told to stop: %v", err)
		}
	})
	time.Sleep(endpointLag)
	d.service.remove(replica.Address())
}

// inForce asks all three webhooks, in a dry run.
func inForce(ctx context.Context, c client.Client) error {
	bad := parse(`{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataImportCron, metadata: {name: NAME, namespace: kubevirt, labels: {template.kubevirt.io/architecture: mips}}, spec: {managedDataSource: x, schedule: "0 0 * * *", template: {spec: {}}}}`, "probe")
	if err := refused(c.Create(ctx, bad, client.DryRunAll)); err != nil {
		return err
	}
	list := parse(`{apiVersion: ssp.kubevirt.io/v1beta3, kind: SSP, metadata: {name: NAME, namespace: kubevirt}, spec: {commonTemplates: {namespace: x, dataImportCronTemplates: [{metadata: {name: x, annotations: {ssp.kubevirt.io/dict.architectures: mips}}, spec: {managedDataSource: x, schedule: "", template: {spec: {}}}}]}}}`, "probe")
	if err := c.Create(ctx, list, client.DryRunAll); err == nil || !strings.Contains(err.Error(), "mips") {
		return errors.Join(errors.New("an SSP is not judged yet"), err)
	}
	incomplete := parse(`{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataImportCron, metadata: {name: NAME-arm64, namespace: kubevirt, labels: {template.kubevirt.io/architecture: arm64}}, spec: {managedDataSource: NAME, schedule: "0 0 * * *", template: {spec: {}}}}`, "probe")
	if err := c.Create(ctx, incomplete, client.DryRunAll); err != nil {
		return err
	}
	if len(incomplete.GetLabels()) < 2 {
		return fmt.Errorf("not completed yet: %v", incomplete.GetLabels())
	}
	return nil
}

func waitFor(t *testing.T, check func(context.Context) error) {
	t.Helper()
	if err := cluster.Eventually(t.Context(), patience, check); err != nil {
		t.Fatal(err)
	}
}
