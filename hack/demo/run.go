package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

// run starts everything, walks through the steps and stops everything.
func run(ctx context.Context, out *screen, keep bool) (err error) {
	started := time.Now()
	c, err := start(ctx, out)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, c.stop())
	}()
	version, _, err := c.Kubectl(ctx, "", "version")
	if err != nil {
		return err
	}
	out.note("%s", version)
	for i, s := range steps {
		if err := c.show(ctx, out, i+1, s); err != nil {
			return err
		}
	}
	if err := c.table(ctx, out); err != nil {
		return err
	}
	out.note("\nAll %d answers were as they should be, in %s.\n", len(steps), time.Since(started).Round(time.Second))
	if keep {
		out.note("Everything is left running. In another terminal:\n\n  export KUBECONFIG=%s\n  kubectl get ssp,dataimportcrons -A\n\nCtrl-C here ends it.\n", c.KubeconfigPath)
		<-ctx.Done()
		out.note("\nended\n")
	}
	return nil
}

// errStop says that something may be left behind.
var errStop = errors.New("stopping the API server")

// demo is what the steps run on.
type demo struct {
	*cluster.Cluster
	webhook *cluster.Webhook
}

// start brings up the API server and the webhook. After an error nothing is
// left running.
func start(ctx context.Context, out *screen) (_ *demo, err error) {
	d := &demo{}
	if d.Cluster, err = cluster.Start(ctx, cluster.Options{CRDs: crds.All(), Progress: out.progress}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	for _, namespace := range []string{"kubevirt", "kubevirt-os-images"} {
		if err := d.Namespace(ctx, namespace, nil); err != nil {
			return nil, err
		}
	}
	out.progress("building the webhook")
	binary, err := cluster.BuildWebhook(ctx, d.Dir)
	if err != nil {
		return nil, err
	}
	out.progress("starting the webhook with a certificate made for it")
	certificates, err := cluster.NewCertificates(filepath.Join(d.Dir, "serving"))
	if err != nil {
		return nil, err
	}
	environment, err := d.WebhookEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	d.webhook, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{
		Binary: binary, Certificates: certificates, LogDir: d.Dir, Env: environment,
	})
	if err != nil {
		return nil, err
	}
	out.progress("installing deploy/webhook")
	if err := d.InstallWebhooks(ctx, d.webhook); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *demo) stop() error {
	if d.webhook != nil {
		d.webhook.Kill()
	}
	if err := d.Cluster.Stop(); err != nil {
		return fmt.Errorf("%w: %w", errStop, err)
	}
	return nil
}
