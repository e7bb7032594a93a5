package fanout

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// standPointer brings one DataSource with a plain name to what is asked for.
func (w *work) standPointer(ctx context.Context, p *pointer) {
	if !w.isPossible(p.id(), p.problem) {
		return
	}
	have := w.have.dataSources[p.key]
	if have == nil {
		w.createPointer(ctx, p)
		return
	}
	if known, own := recordOf(have); w.mayChange(ctx, p.id(), have, known, own) {
		w.changePointer(ctx, p, have, known)
	}
}

func (w *work) createPointer(ctx context.Context, p *pointer) {
	if !w.settled(p.id()) || !w.nameIsFree(ctx, p.id()) {
		return
	}
	probe := p.object.DeepCopy()
	if err := w.live.Create(ctx, probe, client.DryRunAll); err != nil {
		w.fail(writeReason(err), p.id(), err)
		return
	}
	if !p.pointsTo(probe) {
		w.fail(ReasonIncomplete, p.id(), errors.New("this CDI does not let a DataSource point to another: nothing is created; upgrade CDI"))
		return
	}
	if err := w.live.Create(ctx, p.object.DeepCopy()); err != nil {
		w.fail(writeReason(err), p.id(), err)
		return
	}
	w.notes.tell(ReasonCreated, "", p.String())
	log.FromContext(ctx).Info("created", "dataSource", p.key, "pointsTo", p.target)
}

// changePointer sets a DataSource right, its spec too: CDI lets that change.
func (w *work) changePointer(ctx context.Context, p *pointer, have *unstructured.Unstructured, known record) {
	if p.pointsTo(have) {
		w.patchMetadata(ctx, p.id(), have, known, p.object)
		return
	}
	if keep := w.keeping(p.key.Namespace, p.template); keep != "" {
		w.note(&note{reason: ReasonKept, subject: p.String(), text: "does not point elsewhere: " + keep})
		return
	}
	source := pointerSource(p)
	current, _, _ := unstructured.NestedMap(have.Object, "spec", "source")
	for key := range current {
		if _, wanted := source[key]; !wanted {
			source[key] = nil
		}
	}
	w.patch(ctx, p.id(), have, metadataChanges(have, known, p.object), map[string]any{"source": source})
}
