package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// work is one reconcile of one SSP.
type work struct {
	*reconciler
	// ssp is nil where the SSP is gone.
	ssp    *unstructured.Unstructured
	key    types.NamespacedName
	plan   *plan
	have   *observed
	others map[types.NamespacedName]*otherSSP
	// current is whether the SSP is as the cache has it; nil until it is asked.
	current *bool

	counts  counts
	notes   notes
	again   time.Duration
	failed  int
	failure error
	// blocked is why a namespace cannot be written to: what failed for one
	// object of it is not tried for a thousand more.
	blocked map[string]*note
}

func (r *reconciler) work(key types.NamespacedName, p *plan, have *observed) *work {
	return &work{reconciler: r, key: key, plan: p, have: have, counts: counts{failed: map[Reason]int{}}, blocked: map[string]*note{}}
}

// do brings everything of the SSP to what it asks for. One that fails holds
// back no other.
func (w *work) do(ctx context.Context) reconcile.Result {
	w.notes = w.plan.notes
	w.counts.templates, w.counts.withoutNodes = w.plan.notes.warnings(), w.plan.withoutNodes
	if w.plan.standsDown {
		w.standDown()
	} else {
		for i, it := range w.plan.items {
			w.stand(ctx, it)
			if n := i + 1; n%progressStep == 0 {
				log.FromContext(ctx).Info("working", "done", n, "of", len(w.plan.items))
			}
		}
		for _, p := range w.plan.pointers {
			w.standPointer(ctx, p)
		}
	}
	w.deleteUnwanted(ctx)
	w.metrics.set(w.key, &w.counts)
	w.teller.tell(ctx, w.live, w.ssp, w.notes, w.now())
	return w.result(ctx)
}

// ownsAnything tells whether anything that stands was made for the SSP.
func (w *work) ownsAnything() bool {
	for _, known := range w.have.records {
		if known.ssp == w.key {
			return true
		}
	}
	for _, object := range w.have.dataSources {
		if known, ok := recordOf(object); ok && known.ssp == w.key {
			return true
		}
	}
	return false
}

// progressStep is after how many DataImportCrons of one SSP the log tells how
// far the work has come.
const progressStep = 200

func (w *work) standDown() {
	if len(w.plan.items) > 0 {
		w.notes.tell(ReasonStandingDown, "", "spec.enableMultipleArchitectures is true: the SSP operator makes the DataImportCrons, dicer none")
	}
}

// stand brings one DataImportCron to what is asked for.
func (w *work) stand(ctx context.Context, it *item) {
	w.counts.wanted++
	have := w.have.crons[it.key]
	known, own := w.have.records[it.key]
	if own && known.hash == it.hash && have.DeletionTimestamp == nil && known.ssp == w.key {
		w.counts.present++
	}
	switch {
	case !w.isPossible(it.id(), it.problem):
	case have == nil:
		w.create(ctx, it)
	case w.mayChange(ctx, it.id(), have, known, own):
		w.settling.managing(it.key, sourceOf(it.key, known.dataSource))
		w.noteSharing(it)
		w.keepRight(ctx, it, have, known)
	}
}

// isPossible tells whether an object can be written at all; problem is the
// plan's.
func (w *work) isPossible(object objectKey, problem *note) bool {
	if problem != nil {
		w.note(problem)
		return false
	}
	return !w.isBlocked(object)
}

// mayChange tells whether an object that stands is this SSP's to change. What
// stands in the way is told.
func (w *work) mayChange(ctx context.Context, object objectKey, have client.Object, known record, own bool) bool {
	switch {
	case !own:
		w.foreign(object, have)
		return false
	case have.GetDeletionTimestamp() != nil:
		w.waiting(object, have)
		return false
	case w.settling.isDeleting(have.GetUID()):
		w.recheck(time.Second)
		return false
	}
	switch holder, err := w.holder(ctx, object, known); {
	case err != nil:
		w.fail(ReasonWriteFailed, object, err)
		return false
	case holder != nil:
		w.otherHolds(object, *holder)
		return false
	}
	return true
}

// keepRight changes or replaces a DataImportCron of dicer's where it has to be.
func (w *work) keepRight(ctx context.Context, it *item, have *metav1.PartialObjectMetadata, known record) {
	switch {
	case known.hash == it.hash:
		w.patchMetadata(ctx, it.id(), have, known, it.object)
	case !knownVersion(known.hash):
		w.note(&note{reason: ReasonHashUnknown, warning: true, subject: it.String(), text: fmt.Sprintf(
			"annotation %s is %q, which this dicer cannot compare; delete the DataImportCron to have it made anew", SpecHashAnnotation, cut(known.hash, 80))})
	default:
		w.replace(ctx, it, have)
	}
}

func (w *work) otherHolds(object objectKey, holder types.NamespacedName) {
	w.note(&note{reason: ReasonOtherSSP, warning: true, subject: object.String(), text: fmt.Sprintf(
		"SSP %s asks for it too, and has it; rename the template here or remove it there", holder)})
	w.recheck(recheckInterval)
}

// foreign notes that somebody else's object has the name.
func (w *work) foreign(object objectKey, there metav1.Object) {
	text := "exists and is not dicer's; it is left alone. Delete or rename it, or rename the template"
	if adopted(there) {
		text = "the SSP operator has taken it over; it is left alone"
	}
	w.note(&note{reason: ReasonForeign, warning: true, subject: object.String(), text: text})
	w.recheck(recheckInterval)
}

// waiting notes that the old object is not gone yet. Its deletion wakes the SSP
// that it was made for, which may be another one.
func (w *work) waiting(object objectKey, there metav1.Object) {
	w.notes.tell(ReasonWaiting, object.String(), fmt.Sprintf("is being deleted; finalizers that hold it: %q", there.GetFinalizers()))
	w.recheck(recheckInterval)
}

// note tells of an object that is not as it is asked for, and counts it.
func (w *work) note(n *note) {
	if n.reason != "" {
		w.counts.failed[n.reason]++
		w.notes.add(*n)
	}
}

// fail notes what is tried again, later each time.
func (w *work) fail(reason Reason, object objectKey, err error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || errors.Is(err, errStale) {
		w.recheck(time.Second)
		return
	}
	n := note{reason: reason, warning: true, subject: object.String(), text: err.Error() + advice[reason]}
	w.note(&n)
	if w.failed++; w.failure == nil {
		w.failure = fmt.Errorf("%s: %w", object, err)
	}
	if reason == ReasonNamespaceMissing || reason == ReasonWriteForbidden {
		w.blocked[object.Namespace] = &n
	}
}

// isBlocked tells whether the object's namespace has refused another one, and
// counts this one as failed for the same reason.
func (w *work) isBlocked(object objectKey) bool {
	n := w.blocked[object.Namespace]
	if n != nil {
		w.counts.failed[n.reason]++
		w.failed++
	}
	return n != nil
}

// errStale says that the cache does not show yet what is there.
var errStale = errors.New("the cache is behind")

// recheck asks for another reconcile after d at the latest.
func (w *work) recheck(d time.Duration) {
	if w.again == 0 || d < w.again {
		w.again = d
	}
}

// result asks for the next reconcile: what waits comes in time, what failed
// later each time.
func (w *work) result(ctx context.Context) reconcile.Result {
	if w.failed > 0 {
		w.recheck(w.retries.When(w.key))
		log.FromContext(ctx).Info("not all could be written; trying again", "failed", w.failed, "first", w.failure.Error(), "in", w.again.String())
	} else {
		w.retries.Forget(w.key)
	}
	if w.ssp != nil {
		w.recheck(resyncInterval)
	}
	return reconcile.Result{RequeueAfter: w.again}
}
