package fanout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Controller is the fan-out controller, to be added to a manager.
type Controller struct {
	// Config reaches the API server.
	Config *rest.Config
	// Planner decides what is wanted.
	Planner *Planner
	// SSPNamespaces are those whose SSPs count; all where it is empty.
	SSPNamespaces []string
	// RecreateDelay is how long a name stays empty before a DataImportCron is
	// created where another one was.
	RecreateDelay time.Duration
	// Instance names this process in events, in at most 128 characters.
	Instance string
	// Metrics are required.
	Metrics *Metrics
}

var (
	_ manager.Runnable               = &Controller{}
	_ manager.LeaderElectionRunnable = &Controller{}
)

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (c *Controller) NeedLeaderElection() bool { return true }

// The pause after a failed write, and its bound.
const (
	firstRetry = time.Second
	lastRetry  = 2 * time.Minute
)

// Start implements manager.Runnable: it works until ctx ends. It waits for the
// CRDs, and begins anew when the cluster comes to prefer another version of
// SSP: a newer one has fields that an older one lacks.
func (c *Controller) Start(ctx context.Context) error {
	defer c.Metrics.reset()
	httpClient, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return err
	}
	found, err := discovery.NewDiscoveryClientForConfigAndClient(c.Config, httpClient)
	if err != nil {
		return err
	}
	served := &catalogue{discovery: found}
	r := &reconciler{
		planner:  c.Planner,
		inScope:  c.inScope,
		settling: newSettling(c.RecreateDelay, clock.RealClock{}),
		doubts:   newDoubts(),
		teller:   newTeller(c.Instance),
		metrics:  c.Metrics,
		retries:  workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstRetry, lastRetry),
	}
	for {
		version, err := waitServed(ctx, served, func() { r.doubts.unserved(r.now()) })
		if err != nil {
			return nil // ctx is over
		}
		err = c.work(ctx, *r, version, served, httpClient)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errOtherVersion):
			log.FromContext(ctx).Info("the cluster prefers another version of SSP now")
		default:
			log.FromContext(ctx).Error(err, "beginning anew")
			sleep(ctx, firstRetry)
		}
	}
}

func (c *Controller) inScope(namespace string) bool {
	return len(c.SSPNamespaces) == 0 || slices.Contains(c.SSPNamespaces, namespace)
}

// waitServed returns the version in which SSPs are to be read, once they and
// CDI's objects are served. It fails only when ctx ends.
func waitServed(ctx context.Context, served *catalogue, unserved func()) (schema.GroupVersion, error) {
	told := ""
	for {
		version, missing, err := served.missing(ctx)
		if err == nil && len(missing) == 0 {
			return version, nil
		}
		unserved()
		if text := fmt.Sprint(missing, err); text != told {
			log.FromContext(ctx).Info("waiting for CRDs", "missing", missing, "error", err)
			told = text
		}
		if err := sleep(ctx, waitInterval); err != nil {
			return schema.GroupVersion{}, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// errOtherVersion says that the cluster prefers another version of SSP.
var errOtherVersion = errors.New("another version of SSP is preferred")

// work reconciles SSPs in one version.
func (c *Controller) work(ctx context.Context, r reconciler, version schema.GroupVersion, served *catalogue, httpClient *http.Client) error {
	log.FromContext(ctx).Info("reading SSPs", "version", version.String())
	mapper, err := apiutil.NewDynamicRESTMapper(c.Config, httpClient)
	if err != nil {
		return err
	}
	r.version = version
	r.served = func(ctx context.Context) (bool, error) { return served.canCreate(ctx, version) }
	objects, err := newCache(c.Config, httpClient, mapper, version, c.SSPNamespaces)
	if err != nil {
		return err
	}
	r.cached = objects
	r.live, err = client.New(c.Config, client.Options{HTTPClient: httpClient, Mapper: mapper, FieldOwner: fieldOwner})
	if err != nil {
		return err
	}
	unique := true
	ctl, err := controller.NewUnmanaged("fanout", controller.Options{
		Reconciler:         &r,
		SkipNameValidation: &unique, // one at a time
		RateLimiter:        workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		Logger:             log.FromContext(ctx),
	})
	if err != nil {
		return err
	}
	if err := watch(ctl, objects, &r); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return objects.Start(ctx) })
	g.Go(func() error { return ctl.Start(ctx) })
	g.Go(func() error {
		return untilOtherVersion(ctx, served, version, func() { r.doubts.unserved(r.now()) })
	})
	return g.Wait()
}

// fieldOwner is dicer's name in managedFields.
const fieldOwner = "dicer-fanout"

// untilOtherVersion returns when another version is preferred. While none is
// served, or nothing is known, it waits: the caches keep what they have.
func untilOtherVersion(ctx context.Context, served *catalogue, version schema.GroupVersion, unserved func()) error {
	for {
		if err := sleep(ctx, servedInterval); err != nil {
			return err
		}
		switch now, ok, err := served.preferred(ctx); {
		case err != nil:
		case !ok:
			unserved()
		case now != version:
			return errOtherVersion
		}
	}
}
