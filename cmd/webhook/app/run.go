package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/admission"
)

// heapLimit is what Go collects more often for, rather than exceed it: the pod is
// ended at 256 MiB.
const heapLimit = 200 << 20

// run serves until ctx ends and the last request is answered.
func run(ctx context.Context, o *Options) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
	log.SetLogger(zap.New(zap.UseFlagOptions(&o.Log)))
	logger := log.Log.WithName("webhook")
	logger.Info("starting", "version", command.Version(), "commit", command.Commit(), "architectures", o.Architectures, "validationAction", o.ValidationAction)

	registry := prometheus.NewRegistry()
	counts, err := admission.NewMetrics(registry)
	if err != nil {
		return err
	}
	policy, err := o.policy(counts)
	if err != nil {
		return err
	}
	server, err := newServer(o, policy)
	if err != nil {
		return err
	}
	registry.MustRegister(server.certificate.expiry())
	aux, err := newAuxServers(o, newProbes(server), prometheus.Gatherers{metrics.Registry, registry})
	if err != nil {
		return errors.Join(err, server.listener.Close())
	}

	// The webhooks outlive ctx by the drain, the probes outlive the webhooks.
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	serving, stopServing := context.WithCancel(failed)
	defer stopServing()
	g.Go(func() error {
		defer stopServing()
		server.serveOn(ctx, failed, o)
		return nil
	})
	stopped, stopAux := context.WithCancel(failed)
	defer stopAux()
	g.Go(func() error {
		defer stopAux()
		return server.serve(serving)
	})
	for _, s := range aux {
		g.Go(func() error { return s.serve(stopped) })
	}
	err = g.Wait()
	logger.Info("stopped")
	return err
}

// auxServer serves plain HTTP beside the webhooks.
type auxServer struct {
	listener net.Listener
	server   *http.Server
}

// newProbes answers /healthz always, and /readyz while the TLS server answers
// and was not told to stop.
func newProbes(s *server) *http.ServeMux {
	ready := &healthz.Handler{Checks: map[string]healthz.Checker{"tls": s.answers, "draining": s.serves}}
	mux := http.NewServeMux()
	mux.Handle("/healthz", http.StripPrefix("/healthz", &healthz.Handler{}))
	mux.Handle("/readyz", http.StripPrefix("/readyz", ready))
	return mux
}

// newAuxServers listens for probes and metrics, so that a taken port is an
// error at start.
func newAuxServers(o *Options, probes *http.ServeMux, gatherer prometheus.Gatherer) ([]auxServer, error) {
	handlers := map[string]http.Handler{o.HealthProbeBindAddress: probes}
	if o.MetricsBindAddress != "0" {
		mux := http.NewServeMux()
		mux.Handle("/metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}))
		handlers[o.MetricsBindAddress] = mux
	}
	var servers []auxServer
	for address, handler := range handlers {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			for _, s := range servers {
				_ = s.listener.Close()
			}
			return nil, err
		}
		servers = append(servers, auxServer{listener, &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}})
	}
	return servers, nil
}

// serve ends with ctx; a probe in flight is not worth waiting for.
func (s auxServer) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() })
	defer stop()
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
