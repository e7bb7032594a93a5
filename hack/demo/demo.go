package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

const (
	imagesNamespace = "kubevirt-os-images"
	systemNamespace = "dicer-system"
)

// demo is what the steps run on.
type demo struct {
	*cluster.Cluster
	out     *screen
	webhook *cluster.Webhook
	fanout  *cluster.Fanout
	// texts are the manifests as the steps have edited them, by file.
	texts map[string]string
	// stand is what stood at the end of the last step.
	stand standing
}

// errStop says that something may be left behind.
var errStop = errors.New("stopping the API server")

// start brings up the API server, the webhook and the fan-out controller. After
// an error nothing is left running.
func start(ctx context.Context, out *screen) (_ *demo, err error) {
	d := &demo{out: out, texts: map[string]string{}}
	if d.Cluster, err = cluster.Start(ctx, cluster.Options{CRDs: crds.All(), Progress: out.progress}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	for _, namespace := range []string{"kubevirt", imagesNamespace, systemNamespace} {
		if err := d.Namespace(ctx, namespace, nil); err != nil {
			return nil, err
		}
	}
	if err := d.startWebhook(ctx); err != nil {
		return nil, err
	}
	return d, d.startFanout(ctx)
}

func (d *demo) startWebhook(ctx context.Context) error {
	d.out.progress("building the webhook")
	binary, err := cluster.BuildWebhook(ctx, d.Dir)
	if err != nil {
		return err
	}
	d.out.progress("starting the webhook with a certificate made for it")
	certificates, err := cluster.NewCertificates(filepath.Join(d.Dir, "serving"))
	if err != nil {
		return err
	}
	environment, err := d.WebhookEnvironment(ctx)
	if err != nil {
		return err
	}
	d.webhook, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{
		Binary: binary, Certificates: certificates, LogDir: d.Dir, Env: environment,
	})
	if err != nil {
		return err
	}
	d.out.progress("installing deploy/webhook")
	return d.InstallWebhooks(ctx, d.webhook)
}

// recreateDelay is short, since no CDI has a CronJob to delete here.
const recreateDelay = "--recreate-delay=2s"

func (d *demo) startFanout(ctx context.Context) error {
	d.out.progress("building the fan-out controller")
	binary, err := cluster.BuildFanout(ctx, d.Dir)
	if err != nil {
		return err
	}
	d.out.progress("installing deploy/fanout")
	manifests, err := d.Manifests(ctx, "deploy/fanout")
	if err != nil {
		return err
	}
	if err := d.Apply(ctx, manifests); err != nil {
		return err
	}
	kubeconfig, err := d.ServiceAccountKubeconfig(ctx, systemNamespace, "dicer-fanout")
	if err != nil {
		return err
	}
	d.out.progress("starting the fan-out controller as its ServiceAccount, with " + recreateDelay + " (10s by default)")
	d.fanout, err = cluster.StartFanout(ctx, cluster.FanoutOptions{
		Binary: binary, Kubeconfig: kubeconfig, LogDir: d.Dir,
		Args: []string{recreateDelay, "--leader-elect-resource-namespace=" + systemNamespace},
	})
	return err
}

func (d *demo) stop() error {
	if d.fanout != nil {
		d.fanout.Kill()
	}
	if d.webhook != nil {
		d.webhook.Kill()
	}
	if err := d.Cluster.Stop(); err != nil {
		return fmt.Errorf("%w: %w", errStop, err)
	}
	return nil
}
