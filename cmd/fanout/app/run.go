package app

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/fanout"
)

// run works until ctx ends.
func run(ctx context.Context, o *Options) error {
	log.SetLogger(zap.New(zap.UseFlagOptions(&o.Log)))
	logger := log.Log.WithName("fanout")
	logger.Info("starting", "version", command.Version(), "commit", command.Commit(), "templates", o.Templates, "architectures", o.Architectures)
	reach, err := restConfig(o.Kubeconfig)
	if err != nil {
		return fmt.Errorf("no way to the API server: %w", err)
	}
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	instance := hostname + "_" + string(uuid.NewUUID())
	mgr, err := newManager(reach, o, instance)
	if err != nil {
		return err
	}
	planner, err := o.planner()
	if err != nil {
		return err
	}
	counts, err := fanout.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	err = mgr.Add(&fanout.Controller{
		Config:        mgr.GetConfig(),
		Planner:       planner,
		SSPNamespaces: o.SSPNamespaces,
		RecreateDelay: o.RecreateDelay,
		Instance:      instance,
		Metrics:       counts,
	})
	if err != nil {
		return err
	}
	return mgr.Start(log.IntoContext(ctx, logger))
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return config.GetConfig()
	}
	reach, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	// As controller-runtime has it: the API server's own fairness is enough.
	reach.QPS = -1
	return reach, nil
}

func newManager(reach *rest.Config, o *Options, instance string) (manager.Manager, error) {
	options := manager.Options{
		Metrics:                metricsserver.Options{BindAddress: o.MetricsBindAddress},
		HealthProbeBindAddress: o.HealthProbeBindAddress,
		LeaderElection:         o.LeaderElection.LeaderElect,
		LeaderElectionID:       leaseName, // the name in the metric of who leads
		// The process ends right after: nothing goes on without the Lease.
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.LeaderElection.LeaseDuration,
		RenewDeadline:                 &o.LeaderElection.RenewDeadline,
		RetryPeriod:                   &o.LeaderElection.RetryPeriod,
	}
	ready := healthz.Ping
	if o.LeaderElection.LeaderElect {
		lock, err := newLease(reach, o.LeaderElection.ResourceNamespace, instance, o.LeaderElection.RenewDeadline)
		if err != nil {
			return nil, err
		}
		options.LeaderElectionResourceLockInterface, ready = lock, lock.ready
	}
	mgr, err := manager.New(reach, options)
	if err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("lease", ready)
}
