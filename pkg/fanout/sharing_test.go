package fanout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// sharing is a reconciler of two SSPs, whose cache shows of what stands only what
// the test has it show.
type sharing struct {
	*testing.T
	*reconciler
	live     client.Client
	requests []string
}

// one makes an SSP of one template.
func one(t *testing.T, ssp, template, dataSource, image string) *unstructured.Unstructured {
	t.Helper()
	out := sspOf(t, 1, tmpl(template, "amd64", dataSource, image))
	out.SetName(ssp)
	out.SetUID(types.UID(ssp))
	return out
}

func newSharing(t *testing.T, objects ...client.Object) *sharing {
	t.Helper()
	s := &sharing{T: t}
	s.live = clusterOf(&s.requests, nil, copies(objects)...)
	s.reconciler = testReconciler(t, nil, s.live)
	s.shows(objects...)
	return s
}

// shows has the cache show these objects.
func (s *sharing) shows(objects ...client.Object) {
	var none []string
	s.cached = clusterOf(&none, nil, copies(objects)...)
}

func copies(objects []client.Object) []client.Object {
	var out []client.Object
	for _, object := range objects {
		out = append(out, object.DeepCopyObject().(client.Object))
	}
	return out
}

// look reconciles an SSP, and wants these requests and a next look after again.
func (s *sharing) look(ssp client.Object, again time.Duration, want ...string) {
	s.Helper()
	s.requests = nil
	result, err := s.Reconcile(s.Context(), reconcile.Request{NamespacedName: keyOf(ssp)})
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(want, s.requests); diff != "" {
		s.Errorf("requests for %s (-want +got):\n%s", ssp.GetName(), diff)
	}
	if result.RequeueAfter != again {
		s.Errorf("the next look at %s is after %s; want %s", ssp.GetName(), result.RequeueAfter, again)
	}
}

// TestTheSecondOfADataSourceIsNotMadeBeforeTheCacheShowsTheFirst: two SSPs ask for
// one DataSource, and are looked at one right after the other.
func TestTheSecondOfADataSourceIsNotMadeBeforeTheCacheShowsTheFirst(t *testing.T) {
	first, second := one(t, "first", "one", "same", "docker://x"), one(t, "second", "two", "same", "docker://x")
	s := newSharing(t, first, second)
	s.look(first, resyncInterval, "create one-amd64")
	s.look(second, time.Second)
	// It is gone before the cache has shown it.
	if err := s.live.Delete(t.Context(), cronsOf(t, first)[0]); err != nil {
		t.Fatal(err)
	}
	s.look(second, resyncInterval, "create two-amd64")
}

// TestNothingIsReplacedForADataSourceThatHasJustBeenTaken: the cache does not show
// by whom.
func TestNothingIsReplacedForADataSourceThatHasJustBeenTaken(t *testing.T) {
	was, first := one(t, "first", "one", "old", "docker://x"), one(t, "first", "one", "same", "docker://x")
	second, standing := one(t, "second", "two", "same", "docker://x"), cronsOf(t, was)[0]
	s := newSharing(t, first, second, standing)
	s.look(second, resyncInterval, "create two-amd64")
	s.look(first, time.Second)
	s.shows(first, second, standing, cronsOf(t, second)[0])
	s.look(first, recheckInterval)
}

// TestTheDataSourceOfOneThatIsMadeAnewIsKeptForIt: another SSP asks for it too, and
// is looked at while the name is empty, dicer having deleted it or somebody else.
func TestTheDataSourceOfOneThatIsMadeAnewIsKeptForIt(t *testing.T) {
	second := one(t, "second", "two", "same", "docker://x")
	for name, was := range map[string]*unstructured.Unstructured{
		"it gets another image":     one(t, "first", "one", "same", "docker://old"),
		"it had another DataSource": one(t, "first", "one", "old", "docker://x"),
		"somebody else deletes it":  one(t, "first", "one", "same", "docker://x"),
	} {
		t.Run(name, func(t *testing.T) {
			first, standing := one(t, "first", "one", "same", "docker://x"), cronsOf(t, was)[0]
			s := newSharing(t, first, second, standing)
			if name == "somebody else deletes it" {
				s.look(first, resyncInterval)
			} else {
				s.look(first, delay, "delete one-amd64")
			}
			s.gone([]client.Object{first, second}, standing)
			s.look(second, delay+time.Second)
			s.settling.clock.(*clocktesting.FakeClock).Step(delay)
			s.look(first, resyncInterval, "create one-amd64")
			s.look(second, time.Second)
			// Nor does it wait for one that nobody asks for any more.
			s.gone([]client.Object{second}, standing)
			s.look(second, resyncInterval, "create two-amd64")
		})
	}
}

// gone has somebody else delete what stands, and the cache show what is left.
func (s *sharing) gone(left []client.Object, standing ...client.Object) {
	s.Helper()
	for _, object := range standing {
		if err := client.IgnoreNotFound(s.live.Delete(s.Context(), object)); err != nil {
			s.Fatal(err)
		}
		s.settling.vanished(objectKey{kindDataImportCron, keyOf(object)}, object.GetUID())
	}
	s.shows(left...)
}

// TestADataSourceIsKeptForNobodyWhoDoesNotComeBackToIt: one template moves to
// another DataSource, or its SSP is paused, or left to the SSP operator.
func TestADataSourceIsKeptForNobodyWhoDoesNotComeBackToIt(t *testing.T) {
	first, second := one(t, "first", "one", "same", "docker://x"), one(t, "second", "two", "same", "docker://x")
	standing := cronsOf(t, first)[0]
	paused, left := first.DeepCopy(), first.DeepCopy()
	paused.SetAnnotations(map[string]string{pausedAnnotation: "true"})
	if err := unstructured.SetNestedField(left.Object, true, "spec", "enableMultipleArchitectures"); err != nil {
		t.Fatal(err)
	}
	for name, now := range map[string]*unstructured.Unstructured{
		"moved": one(t, "first", "one", "other", "docker://x"), "paused": paused, "left": left,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, first, second, standing)
			s.look(first, resyncInterval)
			s.gone([]client.Object{now, second}, standing)
			s.look(second, resyncInterval, "create two-amd64")
		})
	}
}

// TestWhoWaitsForAnotherSSPsToGoLooksAgain: its deletion wakes the other SSP.
func TestWhoWaitsForAnotherSSPsToGoLooksAgain(t *testing.T) {
	first, second := one(t, "first", "one", "same", "docker://x"), one(t, "second", "one", "same", "docker://x")
	standing := cronsOf(t, first)[0].(*unstructured.Unstructured)
	terminate(standing)
	s := newSharing(t, second, standing)
	s.look(second, recheckInterval)
}
