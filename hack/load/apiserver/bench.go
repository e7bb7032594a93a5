package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/dicer-dev/dicer/hack/load/contestant"
	"github.com/dicer-dev/dicer/hack/load/process"
	"github.com/dicer-dev/dicer/hack/load/report"
	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
	"github.com/dicer-dev/dicer/test/mutatingpolicy"
)

// Options are what is measured. Each is required.
type Options struct {
	// Webhook is the file of dicer's server.
	Webhook string
	// Serve returns the command of a server of package contestant.
	Serve func(name string, port int, certDir string) (binary string, args []string, err error)
	// Rounds is how often everything is measured.
	Rounds int
	// Writes is how many are sent for each figure of a round.
	Writes int
	// Callers are the numbers of callers at a time.
	Callers []int
	// Step is told each step as it begins, and how many there are.
	Step func(what string, total int)
}

// bench is one run.
type bench struct {
	Options
	cluster      *cluster.Cluster
	certificates *cluster.Certificates
	webhook      *cluster.Webhook
	// urls are the other servers', by their names.
	urls    map[string]string
	servers []*process.Process
	http    *http.Client
	ssps    ssps
	// sent counts all writes: each is another one.
	sent int
	// steps is how many there are in all.
	steps int
}

// Run measures, and leaves nothing behind.
func Run(ctx context.Context, options Options) (_ *report.Result, err error) {
	b := &bench{Options: options, urls: map[string]string{}, ssps: ssps{}}
	defer func() { err = errors.Join(err, b.stop()) }()
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	samples, err := b.measure(ctx)
	if err != nil {
		return nil, err
	}
	return b.summarize(samples)
}

func (b *bench) summarize(samples []report.Sample) (*report.Result, error) {
	result, err := report.Summarize(layout, samples)
	if err != nil {
		return nil, err
	}
	finder, err := discovery.NewDiscoveryClientForConfig(b.cluster.Config)
	if err != nil {
		return nil, err
	}
	version, err := finder.ServerVersion()
	if err != nil {
		return nil, err
	}
	result.Conditions = map[string]string{
		"go":         runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		"Kubernetes": version.GitVersion,
		"processors": fmt.Sprintf("%d, for the API server, etcd, webhooks and callers together", runtime.NumCPU()),
		"writes":     fmt.Sprintf("%d for each figure of a round, the same number by each caller", b.Writes),
	}
	return result, nil
}

func (b *bench) start(ctx context.Context) (err error) {
	b.cluster, err = cluster.Start(ctx, cluster.Options{CRDs: crds.All(), APIServerFlags: mutatingpolicy.APIServerFlags()})
	if err != nil {
		return err
	}
	if b.http, err = rest.HTTPClientFor(b.cluster.Config); err != nil {
		return err
	}
	for _, namespace := range []string{cronNamespace, sspNamespace} {
		if err := b.cluster.Namespace(ctx, namespace, nil); err != nil {
			return err
		}
	}
	for caller := range slices.Max(b.Callers) {
		object := &unstructured.Unstructured{Object: ssp(caller)}
		if b.ssps[caller], err = object.MarshalJSON(); err != nil {
			return err
		}
		if err := b.cluster.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("creating an SSP: %w", err)
		}
	}
	return b.startServers(ctx)
}

func (b *bench) startServers(ctx context.Context) (err error) {
	if b.certificates, err = cluster.NewCertificates(filepath.Join(b.cluster.Dir, "webhooks")); err != nil {
		return err
	}
	environment, err := b.cluster.WebhookEnvironment(ctx)
	if err != nil {
		return err
	}
	b.webhook, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{
		Binary: b.Webhook, Certificates: b.certificates, LogDir: b.cluster.Dir, Env: environment,
	})
	if err != nil {
		return err
	}
	for _, name := range []string{contestant.Allow, contestant.Typed} {
		if err := b.startServer(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

const (
	// startTimeout is generous: a busy machine is no failure.
	startTimeout = time.Minute
	pollInterval = 10 * time.Millisecond
)

func (b *bench) startServer(ctx context.Context, name string) error {
	ports, err := cluster.FreePorts(1)
	if err != nil {
		return err
	}
	binary, args, err := b.Serve(name, ports[0], b.certificates.Dir)
	if err != nil {
		return err
	}
	p, err := process.Start(process.Options{Name: name, Binary: binary, Args: args, Log: filepath.Join(b.cluster.Dir, name+".log")})
	if err != nil {
		return err
	}
	b.servers = append(b.servers, p)
	address := "127.0.0.1:" + strconv.Itoa(ports[0])
	b.urls[name] = "https://" + address + contestant.Path
	return p.Until(ctx, pollInterval, startTimeout, func(ctx context.Context) error {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

func (b *bench) stop() error {
	for _, server := range b.servers {
		server.Stop()
	}
	if b.webhook != nil {
		b.webhook.Kill()
	}
	if b.cluster == nil {
		return nil
	}
	return b.cluster.Stop()
}

// measure installs the contestants one after the other, in the opposite order in
// every other round: what is left behind is not always the same one's luck.
func (b *bench) measure(ctx context.Context) ([]report.Sample, error) {
	order, err := b.installations(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range order {
		b.steps += len(c.kinds()) * len(b.Callers) * b.Rounds
	}
	var samples []report.Sample
	for round := range b.Rounds {
		for _, c := range order {
			if err := b.install(ctx, c); err != nil {
				return nil, err
			}
			measured, err := b.measureOne(ctx, c, round)
			if err != nil {
				return nil, err
			}
			samples = append(samples, measured...)
			if err := b.uninstall(ctx, c); err != nil {
				return nil, err
			}
		}
		slices.Reverse(order)
	}
	return samples, nil
}

// measureOne measures the contestant that is installed.
func (b *bench) measureOne(ctx context.Context, c *installation, round int) ([]report.Sample, error) {
	var samples []report.Sample
	for _, k := range c.kinds() {
		for _, callers := range b.Callers {
			what := fmt.Sprintf("%s, callers %d: %s", k.name, callers, c.name)
			b.Step(what, b.steps)
			values, err := b.block(ctx, c, k, callers)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			samples = append(samples, report.Sample{
				Round: round, Cell: report.Cell{k.name, strconv.Itoa(callers)}, Contestant: c.name, Values: values,
			})
		}
	}
	return samples, nil
}
