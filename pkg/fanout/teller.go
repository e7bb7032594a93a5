package fanout

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// reportingController is dicer's name in events.
	reportingController = "dicer.dev/fanout"
	// action is what dicer was doing, in the words of the events API.
	action = "FanOut"
)

// teller emits events, each once until it no longer holds or is about to be
// forgotten by the cluster. It writes them itself: client-go's recorders take
// two notes with one reason about one object for one event, and show the first.
type teller struct {
	// instance names this process in events.
	instance string

	mu   sync.Mutex
	told map[types.NamespacedName]map[announcement]time.Time
}

func newTeller(instance string) *teller {
	return &teller{instance: instance, told: map[types.NamespacedName]map[announcement]time.Time{}}
}

// tell emits what is new among the notes of an SSP. What the API server refuses
// is told again next time.
func (t *teller) tell(ctx context.Context, c client.Client, ssp client.Object, ns notes, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := keyOf(ssp)
	before, told := t.told[key], map[announcement]time.Time{}
	for _, a := range ns.events() {
		at, known := before[a]
		if !known || now.Sub(at) >= retellInterval {
			if !t.emit(ctx, c, ssp, a, now) {
				continue
			}
			at = now
		}
		told[a] = at
	}
	t.told[key] = told
}

// emit writes one event, whatever was told before. An event is not worth a
// reconcile, so a failure is only logged.
func (t *teller) emit(ctx context.Context, c client.Client, about client.Object, a announcement, now time.Time) bool {
	event := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: about.GetNamespace(), GenerateName: about.GetName()[:min(len(about.GetName()), maxEventName)] + "-"},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: reportingController,
		ReportingInstance:   t.instance,
		Action:              action,
		Reason:              string(a.reason),
		Type:                corev1.EventTypeNormal,
		Note:                a.text,
		Regarding: corev1.ObjectReference{
			APIVersion: about.GetObjectKind().GroupVersionKind().GroupVersion().String(),
			Kind:       about.GetObjectKind().GroupVersionKind().Kind,
			Namespace:  about.GetNamespace(),
			Name:       about.GetName(),
			UID:        about.GetUID(),
		},
	}
	if a.warning {
		event.Type = corev1.EventTypeWarning
	}
	if err := c.Create(ctx, event); err != nil {
		log.FromContext(ctx).Info("an event could not be written", "reason", a.reason, "note", a.text, "error", err.Error())
		return false
	}
	return true
}

// maxEventName leaves room for what is appended to a name.
const maxEventName = 200

// forget ends the memory of an SSP that is gone.
func (t *teller) forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, key)
}
