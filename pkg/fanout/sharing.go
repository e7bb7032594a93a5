package fanout

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// Of two DataImportCrons that manage one DataSource CDI shows now the one's
// image, now the other's. So the second one is not made, whatever SSP it is of.

// isManaged tells whether another DataImportCron of dicer's stands and manages
// the item's DataSource. One that is about to go is in the way of a creation
// alone.
func (w *work) isManaged(it *item, toCreate bool) bool {
	for _, key := range w.have.managers[it.managed()] {
		other := objectKey{kindDataImportCron, key}
		switch {
		case key == it.key:
			continue
		case !w.goes(other):
			w.note(&note{reason: ReasonDuplicateDataSource, warning: true, subject: it.String(), text: fmt.Sprintf(
				"%s stands and manages DataSource %q; give one of them another managedDataSource", other, it.dataSource)})
		case toCreate:
			w.notes.tell(ReasonWaiting, it.String(), fmt.Sprintf("%s manages DataSource %q still, and goes", other, it.dataSource))
		default:
			continue
		}
		w.recheck(recheckInterval)
		return true
	}
	return false
}

// sourceIsFree looks past the cache for what dicer itself has made of another SSP a
// moment ago, which isManaged does not see yet.
func (w *work) sourceIsFree(ctx context.Context, it *item) bool {
	other, known := w.settling.lastMade(it.managed())
	if _, seen := w.have.crons[other]; !known || seen || other == it.key {
		return true
	}
	there := reference(objectKey{kindDataImportCron, other})
	switch err := w.live.Get(ctx, other, there); {
	case apierrors.IsNotFound(err):
		return true
	case err != nil:
		w.fail(writeReason(err), it.id(), err)
		return false
	}
	if known, own := recordOf(there); own && known.dataSource == it.dataSource {
		w.fail("", it.id(), errStale)
		return false
	}
	return true
}

// goes tells whether a DataImportCron that stands is about to leave its
// DataSource: it is being deleted, asked for no more, or asked for with another
// DataSource.
func (w *work) goes(other objectKey) bool {
	have, known := w.have.crons[other.NamespacedName], w.have.records[other.NamespacedName]
	if have.DeletionTimestamp != nil || w.settling.isDeleting(have.UID) {
		return true
	}
	if known.ssp != w.key {
		return false
	}
	for _, it := range w.plan.items {
		if it.key == other.NamespacedName {
			return it.problem == nil && it.dataSource != known.dataSource
		}
	}
	return w.plan.keeps(other, known) == ""
}

// noteSharing tells of a DataSource that two standing DataImportCrons manage.
func (w *work) noteSharing(it *item) {
	for _, key := range w.have.managers[it.managed()] {
		if other := (objectKey{kindDataImportCron, key}); key != it.key && !w.goes(other) {
			w.notes.warn(ReasonDuplicateDataSource, it.String(), fmt.Sprintf(
				"%s manages DataSource %q too; give one of them another managedDataSource", other, it.dataSource))
		}
	}
}

// managersOf lists, for each DataSource, the DataImportCrons that manage it.
func managersOf(records map[types.NamespacedName]record) map[types.NamespacedName][]types.NamespacedName {
	out := make(map[types.NamespacedName][]types.NamespacedName, len(records))
	for _, key := range inOrder(records) {
		source := types.NamespacedName{Namespace: key.Namespace, Name: records[key].dataSource}
		out[source] = append(out[source], key)
	}
	return out
}
