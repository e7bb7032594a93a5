package fanout

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// otherSSPs are the plans of all other SSPs, made once, when asked for.
func (w *work) otherSSPs(ctx context.Context) (map[types.NamespacedName]*otherSSP, error) {
	if w.others != nil {
		return w.others, nil
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(w.version.WithKind("SSPList"))
	if err := w.cached.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the SSPs: %w", err)
	}
	w.others = map[types.NamespacedName]*otherSSP{}
	for i := range list.Items {
		ssp := &list.Items[i]
		if key := keyOf(ssp); key != w.key && w.inScope(key.Namespace) {
			p := w.planner.plan(ssp)
			p.choose(w.have.records)
			w.others[key] = &otherSSP{
				created: ssp.GetCreationTimestamp().Time, uid: ssp.GetUID(), plan: p,
				handsOff: ssp.GetDeletionTimestamp() != nil || isPaused(ssp),
			}
		}
	}
	return w.others, nil
}

// otherSSP is an SSP that may ask for the same object.
type otherSSP struct {
	created time.Time
	uid     types.UID
	plan    *plan
	// handsOff tells that what was made for it stays as it is.
	handsOff bool
}

// older tells which of two SSPs was there first.
func (o *otherSSP) older(ssp *unstructured.Unstructured) bool {
	created := ssp.GetCreationTimestamp().Time
	if !o.created.Equal(created) {
		return o.created.Before(created)
	}
	return o.uid < ssp.GetUID()
}

// holder returns the SSP that an object of dicer's belongs to and that still
// asks for it, where that is another one. An SSP that is gone, or asks no
// more, leaves the object to the one that does.
func (w *work) holder(ctx context.Context, object objectKey, known record) (*types.NamespacedName, error) {
	if known.ssp == w.key {
		return nil, nil
	}
	others, err := w.otherSSPs(ctx)
	if err != nil {
		return nil, err
	}
	if other, ok := others[known.ssp]; ok {
		if other.handsOff || other.plan.wants(object, known) {
			return &known.ssp, nil
		}
		return nil, nil
	}
	gone, err := w.isGone(ctx, known.ssp)
	if err != nil {
		return nil, err
	}
	if gone {
		wait := w.doubts.wait(known.ssp, w.now(), w.settling.delay)
		if wait == 0 {
			return nil, nil
		}
		w.recheck(wait)
	}
	return &known.ssp, nil
}

// elder returns an older SSP that asks for the same object, if there is one.
func (w *work) elder(ctx context.Context, object objectKey) (*types.NamespacedName, error) {
	others, err := w.otherSSPs(ctx)
	if err != nil {
		return nil, err
	}
	for key, other := range others {
		if other.plan.asked[object] && other.older(w.ssp) {
			return &key, nil
		}
	}
	return nil, nil
}

// heir returns another SSP that asks for an object which this one gives up.
func (w *work) heir(ctx context.Context, object objectKey) (*types.NamespacedName, error) {
	others, err := w.otherSSPs(ctx)
	if err != nil {
		return nil, err
	}
	for key, other := range others {
		if other.plan.asked[object] && !other.plan.standsDown && !other.handsOff {
			return &key, nil
		}
	}
	return nil, nil
}
