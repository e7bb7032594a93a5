package fanout

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// cdiVersion is the version in which DataImportCrons are read and written.
var cdiVersion = schema.GroupVersion{Group: "cdi.kubevirt.io", Version: "v1beta1"}

// reconciler brings the DataImportCrons of one SSP to what it asks for.
type reconciler struct {
	planner *Planner
	// cached reads SSPs, the metadata of dicer's DataImportCrons, and its
	// DataSources.
	cached client.Reader
	// live reads past the cache, and writes.
	live client.Client
	// version is that in which SSPs are read.
	version schema.GroupVersion
	// served tells whether SSPs are served, and not about to be no more.
	served   func(context.Context) (bool, error)
	inScope  func(namespace string) bool
	settling *settling
	doubts   *doubts
	teller   *teller
	metrics  *Metrics
	// retries lengthens the pause after each reconcile in which a write failed.
	retries workqueue.TypedRateLimiter[types.NamespacedName]
}

var _ reconcile.Reconciler = &reconciler{}

// Reconcile implements reconcile.Reconciler. The request names an SSP in scope.
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	ssp := sspObject(r.version)
	err := r.cached.Get(ctx, req.NamespacedName, ssp)
	if err == nil {
		r.doubts.forget(req.NamespacedName)
	}
	switch {
	case apierrors.IsNotFound(err):
		return r.gone(ctx, req.NamespacedName)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading the SSP: %w", err)
	case ssp.GetDeletionTimestamp() != nil:
		// Its operator may still need what stands; it goes with the SSP.
		return reconcile.Result{}, nil
	case isPaused(ssp):
		// What was counted before it was paused is not looked at any more.
		r.metrics.set(req.NamespacedName, nil)
		r.teller.tell(ctx, r.live, ssp, notes{{reason: ReasonPaused, text: pausedAnnotation + " is set: nothing is created, changed or deleted"}}, r.now())
		return reconcile.Result{}, nil
	}
	have, err := r.observe(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	w := r.work(req.NamespacedName, r.planner.plan(ssp), have)
	w.ssp = ssp
	w.plan.choose(have.records)
	return w.do(ctx), nil
}

func isPaused(ssp metav1.Object) bool { return ssp.GetAnnotations()[pausedAnnotation] == "true" }

func (r *reconciler) now() time.Time { return r.settling.clock.Now() }

// observed is what stands of dicer's, of every SSP.
type observed struct {
	crons       map[types.NamespacedName]*metav1.PartialObjectMetadata
	dataSources map[types.NamespacedName]*unstructured.Unstructured
	// records are those of crons that are dicer's own.
	records map[types.NamespacedName]record
	// managers are those of crons that manage a DataSource.
	managers map[types.NamespacedName][]types.NamespacedName
}

// observe reads the cache. What it returns is the cache's own: not to be
// changed.
func (r *reconciler) observe(ctx context.Context) (*observed, error) {
	crons := &metav1.PartialObjectMetadataList{}
	crons.SetGroupVersionKind(cdiVersion.WithKind("DataImportCronList"))
	if err := r.cached.List(ctx, crons, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing dicer's DataImportCrons: %w", err)
	}
	sources := &unstructured.UnstructuredList{}
	sources.SetGroupVersionKind(cdiVersion.WithKind("DataSourceList"))
	if err := r.cached.List(ctx, sources, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing dicer's DataSources: %w", err)
	}
	o := &observed{
		crons:       make(map[types.NamespacedName]*metav1.PartialObjectMetadata, len(crons.Items)),
		dataSources: make(map[types.NamespacedName]*unstructured.Unstructured, len(sources.Items)),
		records:     make(map[types.NamespacedName]record, len(crons.Items)),
	}
	for i := range crons.Items {
		key := keyOf(&crons.Items[i])
		o.crons[key] = &crons.Items[i]
		if known, ok := recordOf(&crons.Items[i]); ok {
			o.records[key] = known
		}
	}
	o.managers = managersOf(o.records)
	for i := range sources.Items {
		o.dataSources[keyOf(&sources.Items[i])] = &sources.Items[i]
	}
	return o, nil
}

// isGone tells whether an SSP that is not in the cache is gone for sure: a live
// GET says so while SSPs are served. An SSP whose CRD is being deleted, or is
// not served, is not gone.
func (r *reconciler) isGone(ctx context.Context, key types.NamespacedName) (bool, error) {
	err := r.live.Get(ctx, key, sspObject(r.version))
	switch {
	case err == nil:
		return false, nil
	case !apierrors.IsNotFound(err):
		return false, fmt.Errorf("keeping the DataImportCrons: looking for SSP %s: %w", key, err)
	}
	// After the GET: SSPs go before their CRD does.
	served, err := r.served(ctx)
	switch {
	case err != nil:
		return false, fmt.Errorf("keeping the DataImportCrons: looking whether SSPs are served: %w", err)
	case !served:
		r.doubts.unserved(r.now())
		return false, fmt.Errorf("keeping the DataImportCrons: SSP %s cannot be looked for: its CRD is not served", key)
	case r.doubts.lately(r.now()):
		return false, fmt.Errorf("keeping the DataImportCrons: SSP %s is not there, but its CRD was not served a moment ago", key)
	default:
		return true, nil
	}
}

// gone deletes what an SSP has left behind.
func (r *reconciler) gone(ctx context.Context, key types.NamespacedName) (reconcile.Result, error) {
	have, err := r.observe(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	w := r.work(key, &plan{}, have)
	if !w.ownsAnything() {
		r.forget(key)
		return reconcile.Result{}, nil
	}
	switch gone, err := r.isGone(ctx, key); {
	case err != nil:
		return reconcile.Result{}, err
	case !gone:
		// The cache will have it in a moment.
		return reconcile.Result{RequeueAfter: time.Second}, nil
	}
	if wait := r.doubts.wait(key, r.now(), r.settling.delay); wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	log.FromContext(ctx).Info("the SSP is gone: deleting what was made for it")
	w.deleteUnwanted(ctx)
	for _, a := range w.notes.events() {
		log.FromContext(ctx).Info(a.text, "reason", a.reason)
	}
	if w.failed == 0 {
		r.forget(key)
	}
	return w.result(ctx), nil
}

func (r *reconciler) forget(key types.NamespacedName) {
	r.retries.Forget(key)
	r.doubts.forget(key)
	r.metrics.set(key, nil)
	r.teller.forget(key)
}
