package fanout

import (
	"context"
	"fmt"
	"slices"
	"time"

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

// sourceIsFree looks for what isManaged does not see: what dicer itself has made
// for another SSP a moment ago, which the cache does not show yet, and what it has
// deleted to make it anew.
func (w *work) sourceIsFree(ctx context.Context, it *item) bool {
	last, known := w.settling.lastManager(it.managed())
	if !known || last == it.key {
		return true
	}
	other := objectKey{kindDataImportCron, last}
	switch back, err := w.comesBack(ctx, it, other); {
	case err != nil:
		w.fail(ReasonWriteFailed, it.id(), err)
		return false
	case back:
		return false
	}
	if _, seen := w.have.crons[last]; seen {
		return true
	}
	there := reference(other)
	switch err := w.live.Get(ctx, last, there); {
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

// comesBack tells whether another SSP's DataImportCron, whose name stays empty for
// a while, is to be made anew for the DataSource that it had.
func (w *work) comesBack(ctx context.Context, it *item, other objectKey) (bool, error) {
	wait, _ := w.settling.wait(other)
	if wait == 0 {
		return false, nil
	}
	others, err := w.otherSSPs(ctx)
	if err != nil {
		return false, err
	}
	for key, ssp := range others {
		if !ssp.handsOff && !ssp.plan.standsDown && ssp.plan.makes(other, it.managed()) {
			w.note(&note{reason: ReasonDuplicateDataSource, warning: true, subject: it.String(), text: fmt.Sprintf(
				"%s manages DataSource %q, and is made anew for SSP %s; give one of them another managedDataSource", other, it.dataSource, key)})
			w.recheck(wait + time.Second)
			return true, nil
		}
	}
	return false, nil
}

// makes tells whether the SSP asks for a DataImportCron that manages a DataSource.
func (p *plan) makes(cron objectKey, dataSource types.NamespacedName) bool {
	return slices.ContainsFunc(p.items, func(it *item) bool {
		return it.id() == cron && it.problem == nil && it.managed() == dataSource
	})
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
		source := sourceOf(key, records[key].dataSource)
		out[source] = append(out[source], key)
	}
	return out
}
