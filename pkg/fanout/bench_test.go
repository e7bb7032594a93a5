package fanout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// BenchmarkCacheMemory reports how much of the heap DataImportCrons hold, by
// dicer's own cache and by two that hold more: the metadata as it comes, and
// whole objects. "bytes/object" is without what an empty cache takes,
// "MiB-total" with it; "JSON-bytes/object" is the size that goes over the wire
// to a client that asks for all.
func BenchmarkCacheMemory(b *testing.B) {
	for _, n := range []int{10, 1000, 5000} {
		crons := benchCrons(b, benchSSP(b, n/2))
		raw, err := json.Marshal(crons[0].Object)
		if err != nil || len(crons) != n {
			b.Fatal(len(crons), err)
		}
		for _, kept := range []benchCache{
			{name: "dicer", object: cronObject(), make: dicersCache},
			{name: "untouched", object: cronObject(), make: plainCache(cronObject())},
			{name: "whole", object: wholeCron(), make: plainCache(wholeCron())},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, kept.name), func(b *testing.B) {
				var empty, full uint64
				for b.Loop() {
					empty += kept.heap(b, nil)
					full += kept.heap(b, crons)
				}
				total := float64(full) / float64(b.N)
				b.ReportMetric((total-float64(empty)/float64(b.N))/float64(n), "bytes/object")
				b.ReportMetric(total/(1<<20), "MiB-total")
				b.ReportMetric(float64(len(raw)), "JSON-bytes/object")
				b.ReportMetric(0, "ns/op") // it waits more than it works
			})
		}
	}
}

// benchCache is a way to hold DataImportCrons.
type benchCache struct {
	name   string
	object client.Object
	make   func(*rest.Config, *http.Client, meta.RESTMapper) (cache.Cache, error)
}

func dicersCache(config *rest.Config, httpClient *http.Client, mapper meta.RESTMapper) (cache.Cache, error) {
	return newCache(config, httpClient, mapper, benchVersion, nil)
}

func plainCache(object client.Object) func(*rest.Config, *http.Client, meta.RESTMapper) (cache.Cache, error) {
	return func(config *rest.Config, httpClient *http.Client, mapper meta.RESTMapper) (cache.Cache, error) {
		own := labels.SelectorFromSet(labels.Set{arch.ManagedByLabel: ManagedBy})
		return cache.New(config, cache.Options{HTTPClient: httpClient, Mapper: mapper, ByObject: map[client.Object]cache.ByObject{object: {Label: own}}})
	}
}

func wholeCron() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(cdiVersion.WithKind(kindDataImportCron))
	return object
}

// heap returns by how many bytes the heap grows when a cache has read crons,
// and a foreign one that it has to leave out.
func (c benchCache) heap(b *testing.B, crons []unstructured.Unstructured) uint64 {
	foreign := benchCrons(b, benchSSP(b, 1))[0]
	foreign.SetLabels(nil)
	server := benchAPI(b, append(slices.Clone(crons), foreign))
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{benchVersion.WithKind("SSP"), cdiVersion.WithKind(kindDataImportCron), cdiVersion.WithKind(kindDataSource)} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	before := heapInUse()
	objects, err := c.make(&rest.Config{Host: server.URL}, server.Client(), mapper)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- objects.Start(ctx) }()
	if _, err := objects.GetInformer(ctx, c.object); err != nil || !objects.WaitForCacheSync(ctx) {
		b.Fatal("the cache was not filled: ", err)
	}
	after := heapInUse()
	if got := c.count(b, objects); got != len(crons) {
		b.Fatalf("the cache holds %d objects; want %d", got, len(crons))
	}
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	server.Close()
	return after - min(before, after)
}

func (c benchCache) count(b *testing.B, objects cache.Cache) int {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(cdiVersion.WithKind("DataImportCronList"))
	var into client.ObjectList = list
	whole := &unstructured.UnstructuredList{}
	if _, ok := c.object.(*unstructured.Unstructured); ok {
		whole.SetGroupVersionKind(list.GroupVersionKind())
		into = whole
	}
	if err := objects.List(b.Context(), into, client.UnsafeDisableDeepCopy); err != nil {
		b.Fatal(err)
	}
	return len(list.Items) + len(whole.Items)
}

// heapInUse is the heap without what nobody holds; the second collection frees
// what the first one found in pools.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkReconcileUnchanged reconciles an SSP whose DataImportCrons stand as
// it asks, two for each template, without a request to the API server.
func BenchmarkReconcileUnchanged(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("%d-templates", n), func(b *testing.B) {
			ssp := benchSSP(b, n)
			cached, live := &benchReader{ssp: ssp, crons: metadataOf(b, benchCrons(b, ssp))}, &benchWriter{}
			r := benchReconciler(b, cached, live)
			b.ReportAllocs()
			for b.Loop() {
				result, err := r.Reconcile(b.Context(), reconcile.Request{NamespacedName: keyOf(ssp)})
				if err != nil || result.RequeueAfter != resyncInterval {
					b.Fatalf("%+v, %v; want the next look after %s", result, err, resyncInterval)
				}
			}
			got := r.metrics.ssps[keyOf(ssp)]
			if live.requests > 0 || got.wanted != 2*n || got.present != 2*n || len(got.failed) > 0 {
				b.Fatalf("%d requests, counts %+v; want none, and %d wanted and present", live.requests, got, 2*n)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/template")
		})
	}
}

func benchReconciler(b *testing.B, cached client.Reader, live client.Client) *reconciler {
	counts, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	return &reconciler{
		planner: benchPlanner(), cached: cached, live: live, version: benchVersion,
		inScope:  func(string) bool { return true },
		settling: newSettling(0, clock.RealClock{}),
		doubts:   newDoubts(),
		teller:   newTeller("benchmark"),
		metrics:  counts,
		retries:  workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](time.Second, time.Second),
	}
}

// metadataOf gives objects the form in which the cache holds them.
func metadataOf(b *testing.B, crons []unstructured.Unstructured) []metav1.PartialObjectMetadata {
	out := make([]metav1.PartialObjectMetadata, len(crons))
	for i := range crons {
		raw, err := crons[i].MarshalJSON()
		if err == nil {
			err = json.Unmarshal(raw, &out[i])
		}
		if err == nil {
			_, err = strip(&out[i])
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return out
}

// benchReader copies what is got, and not what is listed, as the cache does for
// the reconciler.
type benchReader struct {
	ssp   *unstructured.Unstructured
	crons []metav1.PartialObjectMetadata
}

// Get implements client.Reader.
func (r *benchReader) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	r.ssp.DeepCopyInto(into.(*unstructured.Unstructured))
	return nil
}

// List implements client.Reader.
func (r *benchReader) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	if list, ok := into.(*metav1.PartialObjectMetadataList); ok {
		list.Items = slices.Clone(r.crons)
	}
	return nil
}

// benchWriter counts requests. Any other method ends the benchmark.
type benchWriter struct {
	client.Client
	requests int
}

// Get implements client.Client.
func (w *benchWriter) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	w.requests++
	return nil
}

// Create implements client.Client.
func (w *benchWriter) Create(context.Context, client.Object, ...client.CreateOption) error {
	w.requests++
	return nil
}

// Patch implements client.Client.
func (w *benchWriter) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	w.requests++
	return nil
}

// Delete implements client.Client.
func (w *benchWriter) Delete(context.Context, client.Object, ...client.DeleteOption) error {
	w.requests++
	return nil
}
