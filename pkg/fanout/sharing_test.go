package fanout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// TestTheSecondOfADataSourceIsNotMadeBeforeTheCacheShowsTheFirst: two SSPs ask for
// one DataSource, and are looked at one right after the other.
func TestTheSecondOfADataSourceIsNotMadeBeforeTheCacheShowsTheFirst(t *testing.T) {
	ssp := func(name, template string) *unstructured.Unstructured {
		out := sspOf(t, 1, tmpl(template, "amd64", "same", "docker://x"))
		out.SetName(name)
		out.SetUID(types.UID(name))
		return out
	}
	first, second := ssp("first", "one"), ssp("second", "two")
	var requests, none []string
	cached := clusterOf(&none, nil, first.DeepCopy(), second.DeepCopy())
	live := clusterOf(&requests, nil, first.DeepCopy(), second.DeepCopy())
	r := testReconciler(t, cached, live)
	look := func(at client.Object, want ...string) reconcile.Result {
		t.Helper()
		requests = nil
		result, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: keyOf(at)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, requests); diff != "" {
			t.Errorf("requests for %s (-want +got):\n%s", at.GetName(), diff)
		}
		return result
	}
	look(first, "create one-amd64")
	if result := look(second); result.RequeueAfter != time.Second {
		t.Errorf("the next look is after %s; want 1s", result.RequeueAfter)
	}
	// It is gone before the cache has shown it.
	one := cronsOf(t, first)[0]
	if err := live.Delete(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	look(second, "create two-amd64")
}
