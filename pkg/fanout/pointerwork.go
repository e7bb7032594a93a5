package fanout

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// standPointer brings one DataSource with a plain name to what is asked for.
func (w *work) standPointer(ctx context.Context, p *pointer) {
	if p.problem != nil {
		w.note(p.problem)
		return
	}
	have := w.have.dataSources[p.key]
	if have == nil {
		w.createPointer(ctx, p)
		return
	}
	known, own := recordOf(have)
	if !own {
		w.foreign(p.String(), have)
		return
	}
	if have.GetDeletionTimestamp() != nil {
		w.waiting(p.String(), have)
		return
	}
	switch holder, err := w.holder(ctx, objectKey{kindDataSource, p.key}, known); {
	case err != nil:
		w.fail(ReasonWriteFailed, p.String(), err)
	case holder != nil:
		w.otherHolds(p.String(), *holder)
	default:
		w.changePointer(ctx, p, have, known)
	}
}

func (w *work) createPointer(ctx context.Context, p *pointer) {
	if !w.nameIsFree(ctx, kindDataSource, p.String(), p.object) {
		return
	}
	probe := p.object.DeepCopy()
	if err := w.live.Create(ctx, probe, client.DryRunAll); err != nil {
		w.fail(writeReason(err), p.String(), err)
		return
	}
	if !p.pointsTo(probe) {
		w.fail(ReasonIncomplete, p.String(), fmt.Errorf("this CDI does not let a DataSource point to another: nothing is created; upgrade CDI"))
		return
	}
	if err := w.live.Create(ctx, p.object.DeepCopy()); err != nil {
		w.fail(writeReason(err), p.String(), err)
		return
	}
	w.notes.tell(ReasonCreated, "", p.String())
	log.FromContext(ctx).Info("created", "dataSource", p.key, "pointsTo", p.target)
}

// changePointer sets a DataSource right, its spec too: CDI lets that change.
func (w *work) changePointer(ctx context.Context, p *pointer, have *unstructured.Unstructured, known record) {
	if p.pointsTo(have) {
		w.patchMetadata(ctx, p.String(), kindDataSource, have, known, p.object)
		return
	}
	source := pointerSource(p)
	current, _, _ := unstructured.NestedMap(have.Object, "spec", "source")
	for key := range current {
		if _, wanted := source[key]; !wanted {
			source[key] = nil
		}
	}
	w.patch(ctx, p.String(), kindDataSource, have, metadataChanges(have, known, p.object), map[string]any{"source": source})
}
