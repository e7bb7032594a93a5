package fanout

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// patchMetadata sets labels and annotations right where they differ.
func (w *work) patchMetadata(ctx context.Context, object objectKey, have client.Object, known record, want metav1.Object) {
	if metadata := metadataChanges(have, known, want); len(metadata) > 0 {
		w.patch(ctx, object, have, metadata, nil)
	}
}

// patch sends a merge patch that fits no other object and no later state of
// this one. Somebody who undoes it is not fought: each time it waits longer.
func (w *work) patch(ctx context.Context, object objectKey, have client.Object, metadata, spec map[string]any) {
	body := map[string]any{"metadata": metadata}
	if spec != nil {
		body["spec"] = spec
	}
	content, err := json.Marshal(body)
	if err != nil {
		w.fail(ReasonWriteFailed, object, err)
		return
	}
	id := fmt.Sprintf("%s %x", have.GetUID(), sha256.Sum256(content))
	if wait, contested := w.settling.repairIn(id); wait > 0 {
		if contested {
			w.note(&note{reason: ReasonContested, warning: true, subject: object.String(), text: fmt.Sprintf(
				"somebody keeps changing it back; dicer sets it right, later each time (at most %s)", maxContest)})
		}
		w.recheck(wait)
		return
	}
	metadata["uid"] = have.GetUID()
	metadata["resourceVersion"] = have.GetResourceVersion()
	if content, err = json.Marshal(body); err == nil {
		err = w.live.Patch(ctx, reference(object), client.RawPatch(types.MergePatchType, content))
	}
	if err == nil || apierrors.IsConflict(err) {
		// Somebody who writes all the time makes each try a conflict.
		w.settling.repaired(id)
	}
	switch {
	case apierrors.IsNotFound(err):
		w.recheck(time.Second)
	case err != nil:
		w.fail(writeReason(err), object, err)
	default:
		w.notes.tell(ReasonUpdated, "", object.String())
		log.FromContext(ctx).Info("updated", "object", object.String())
	}
}

// replace deletes a DataImportCron that is asked for in another form: CDI lets
// nobody change it. A later reconcile creates the new one.
func (w *work) replace(ctx context.Context, it *item, have *metav1.PartialObjectMetadata) {
	if keep := w.keeping(it.key.Namespace, it.template); keep != "" {
		w.note(&note{reason: ReasonKept, subject: it.String(), text: "is not replaced: " + keep})
		return
	}
	if !w.isCurrent(ctx) || w.isManaged(it, false) || !w.sourceIsFree(ctx, it) {
		return
	}
	// Under another name, so that the one that stands is not in the way.
	probe := it.object.DeepCopy()
	probe.SetName("dicer-dry-run-" + it.hash[len(hashVersion):][:8])
	if it.arch != "" {
		probe.SetName(probe.GetName() + it.arch.Suffix())
	}
	if reason, err := w.dryRun(ctx, it, probe); err != nil {
		w.fail(reason, it.id(), fmt.Errorf("the old one stays: %w", err))
		return
	}
	if !w.delete(ctx, it.id(), have) {
		return
	}
	w.settling.managing(it.key, it.managed()) // no other gets it meanwhile
	w.metrics.deleted.WithLabelValues(deletedReplaced).Inc()
	w.notes.tell(ReasonReplacing, it.String(), fmt.Sprintf("its template asks for another spec; it is made anew once the old one has been gone for %s", w.settling.delay))
	w.recheck(max(w.settling.delay, time.Second))
}

// keeping is why what a template asks for stays as it is; empty where it may
// change.
func (w *work) keeping(namespace, template string) string {
	if state := w.plan.templates[types.NamespacedName{Namespace: namespace, Name: template}]; state.keep != "" {
		return state.keep
	}
	return w.plan.unsure
}

// isCurrent tells whether the SSP is as the cache has it. A cache may be behind,
// that of a new process by more, and a deletion is not to be had back; so the
// first one of a reconcile asks.
func (w *work) isCurrent(ctx context.Context) bool {
	if w.ssp == nil {
		return true // its absence was looked for live
	}
	if w.current == nil {
		now := sspObject(w.version)
		err := w.live.Get(ctx, w.key, now)
		current := err == nil && now.GetUID() == w.ssp.GetUID() && now.GetGeneration() == w.ssp.GetGeneration() &&
			now.GetDeletionTimestamp() == nil && now.GetAnnotations()[pausedAnnotation] == w.ssp.GetAnnotations()[pausedAnnotation]
		w.current = &current
		if !current {
			log.FromContext(ctx).Info("the cache is behind: nothing is deleted yet")
			w.recheck(time.Second)
		}
	}
	return *w.current
}

// reference names an object in a request that needs no more.
func reference(object objectKey) *metav1.PartialObjectMetadata {
	out := &metav1.PartialObjectMetadata{}
	out.SetGroupVersionKind(cdiVersion.WithKind(object.kind))
	out.SetNamespace(object.Namespace)
	out.SetName(object.Name)
	return out
}

// delete deletes exactly the object that was seen, in the state that was seen.
func (w *work) delete(ctx context.Context, object objectKey, have client.Object) bool {
	uid, version := have.GetUID(), have.GetResourceVersion()
	w.settling.deleting(object, uid)
	// Whole, since an object with a finalizer is answered with the object.
	target := &unstructured.Unstructured{}
	target.SetGroupVersionKind(cdiVersion.WithKind(object.kind))
	target.SetNamespace(object.Namespace)
	target.SetName(object.Name)
	err := w.live.Delete(ctx, target, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if err != nil {
		w.settling.kept(uid)
	}
	switch {
	case apierrors.IsNotFound(err):
		w.recheck(time.Second)
		return false
	case err != nil:
		w.fail(writeReason(err), object, err)
		return false
	}
	log.FromContext(ctx).Info("deleted", "object", object.String(), "uid", uid)
	return true
}

// deleteUnwanted deletes what was made for the SSP and is not asked for any
// more.
func (w *work) deleteUnwanted(ctx context.Context) {
	for _, key := range inOrder(w.have.records) {
		known := w.have.records[key]
		if w.deleteIfUnwanted(ctx, objectKey{kindDataImportCron, key}, known, w.have.crons[key]) {
			w.metrics.deleted.WithLabelValues(deletedUnwanted).Inc()
		}
	}
	for _, key := range inOrder(w.have.dataSources) {
		have := w.have.dataSources[key]
		if known, own := recordOf(have); own {
			w.deleteIfUnwanted(ctx, objectKey{kindDataSource, key}, known, have)
		}
	}
}

// inOrder returns the keys in an order that makes the same text of the same
// facts each time.
func inOrder[V any](m map[types.NamespacedName]V) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(m), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
}

func (w *work) deleteIfUnwanted(ctx context.Context, object objectKey, known record, have client.Object) bool {
	if known.ssp != w.key || !w.mayGo(ctx, object, known, have) || !w.isCurrent(ctx) || !w.delete(ctx, object, have) {
		return false
	}
	if w.ssp == nil {
		about := reference(object)
		about.SetUID(have.GetUID())
		w.teller.emit(ctx, w.live, about, announcement{reason: ReasonDeleted, text: fmt.Sprintf("SSP %s is gone", w.key)}, w.now())
	}
	w.notes.tell(ReasonDeleted, "", object.String())
	return true
}

// mayGo tells whether an object is to be deleted. What stays although nothing
// asks for it is told.
func (w *work) mayGo(ctx context.Context, object objectKey, known record, have client.Object) bool {
	subject := object.String()
	if _, asked := w.plan.asked[object]; asked || w.isBlocked(object) || have.GetDeletionTimestamp() != nil || w.settling.isDeleting(have.GetUID()) {
		return false
	}
	if why := w.plan.keeps(object, known); why != "" {
		w.notes.tell(ReasonKept, subject, why)
		return false
	}
	if !w.planner.Namespaces[object.Namespace] {
		w.notes.warn(ReasonNamespaceNotAllowed, subject, fmt.Sprintf("is no longer asked for, but dicer may not write to namespace %q; delete it, or list the namespace in --target-namespaces", object.Namespace))
		return false
	}
	heir, err := w.heir(ctx, object)
	if err != nil {
		w.fail(ReasonWriteFailed, object, err)
		return false
	}
	// The other SSP takes it over as it is, images and all.
	return heir == nil
}
