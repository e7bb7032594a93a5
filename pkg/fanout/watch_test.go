package fanout

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestAnObjectWakesTheSSPsInScopeThatItNames: the controllers of two
// installations see each other's objects.
func TestAnObjectWakesTheSSPsInScopeThatItNames(t *testing.T) {
	r := &reconciler{inScope: func(namespace string) bool { return namespace == "in" }}
	for i, tc := range []struct {
		before, now string
		want        []string
	}{
		{now: "in/a", want: []string{"in/a"}},
		{now: "out/a"},
		{now: "in"},
		{now: ""},
		{before: "in/a", now: "in/b", want: []string{"in/a", "in/b"}},
		{before: "out/a", now: "in/b", want: []string{"in/b"}},
		{before: "in/a", now: "out/b", want: []string{"in/a"}},
		{before: "out/a", now: "out/b"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			object := func(ssp string) client.Object {
				out := cronObject()
				out.SetName("a")
				out.SetUID("u")
				out.SetAnnotations(map[string]string{SSPAnnotation: ssp})
				return out
			}
			var vanished []types.UID
			events := r.ownerEvents(func(object client.Object) { vanished = append(vanished, object.GetUID()) })
			check := func(what string, handle func(queue), want []string) {
				t.Helper()
				q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
				defer q.ShutDown()
				handle(q)
				var got []string
				for q.Len() > 0 {
					request, _ := q.Get()
					got = append(got, request.String())
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("woken when it is %s (-want +got):\n%s", what, diff)
				}
			}
			if tc.before != "" {
				check("updated", func(q queue) {
					events.Update(t.Context(), event.UpdateEvent{ObjectOld: object(tc.before), ObjectNew: object(tc.now)}, q)
				}, tc.want)
				return
			}
			check("created", func(q queue) { events.Create(t.Context(), event.CreateEvent{Object: object(tc.now)}, q) }, tc.want)
			if vanished != nil {
				t.Error("it vanished as it was created")
			}
			check("deleted", func(q queue) { events.Delete(t.Context(), event.DeleteEvent{Object: object(tc.now)}, q) }, tc.want)
			// Whoever it is of: its name may be asked for by an SSP in scope.
			if diff := cmp.Diff([]types.UID{"u"}, vanished); diff != "" {
				t.Errorf("vanished (-want +got):\n%s", diff)
			}
		})
	}
}
