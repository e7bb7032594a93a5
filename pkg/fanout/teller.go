package fanout

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
)

// action is what dicer was doing, in the words of the events API.
const action = "FanOut"

// teller emits events, each once until it no longer holds or is about to be
// forgotten by the cluster.
type teller struct {
	recorder events.EventRecorder
	mu       sync.Mutex
	told     map[types.NamespacedName]map[announcement]time.Time
}

func newTeller(recorder events.EventRecorder) *teller {
	return &teller{recorder: recorder, told: map[types.NamespacedName]map[announcement]time.Time{}}
}

// tell emits what is new among the notes of an SSP.
func (t *teller) tell(key types.NamespacedName, ssp runtime.Object, ns notes, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, told := t.told[key], map[announcement]time.Time{}
	for _, e := range ns.events() {
		at, known := before[e]
		if !known || now.Sub(at) >= retellInterval {
			t.emit(ssp, e)
			at = now
		}
		told[e] = at
	}
	t.told[key] = told
}

// emit tells once, whatever was told before.
func (t *teller) emit(object runtime.Object, e announcement) {
	kind := corev1.EventTypeNormal
	if e.warning {
		kind = corev1.EventTypeWarning
	}
	t.recorder.Eventf(object, nil, kind, string(e.reason), action, "%s", e.text)
}

// forget ends the memory of an SSP that is gone.
func (t *teller) forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, key)
}
