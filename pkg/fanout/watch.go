package fanout

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// newCache holds SSPs, of dicer's DataImportCrons the metadata, and dicer's
// DataSources: nothing else is ever compared.
func newCache(config *rest.Config, httpClient *http.Client, mapper meta.RESTMapper, version schema.GroupVersion, sspNamespaces []string) (cache.Cache, error) {
	own := labels.SelectorFromSet(labels.Set{arch.ManagedByLabel: ManagedBy})
	namespaces := map[string]cache.Config{}
	for _, namespace := range sspNamespaces {
		namespaces[namespace] = cache.Config{}
	}
	return cache.New(config, cache.Options{
		HTTPClient:       httpClient,
		Mapper:           mapper,
		DefaultTransform: strip,
		ByObject: map[client.Object]cache.ByObject{
			sspObject(version): {Namespaces: namespaces},
			cronObject():       {Label: own},
			dataSourceObject(): {Label: own},
		},
		// A read of anything else is a mistake, not a reason for a watch.
		ReaderFailOnMissingInformer: true,
	})
}

// strip drops what dicer never reads, which is most of an object.
func strip(in any) (any, error) {
	object, ok := in.(client.Object)
	if !ok {
		return in, nil
	}
	object.SetManagedFields(nil)
	if annotations := object.GetAnnotations(); annotations[lastAppliedAnnotation] != "" {
		annotations = maps.Clone(annotations)
		delete(annotations, lastAppliedAnnotation)
		object.SetAnnotations(annotations)
	}
	if u, ok := in.(*unstructured.Unstructured); ok {
		delete(u.Object, "status")
	}
	return in, nil
}

// lastAppliedAnnotation repeats the whole object.
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

func sspObject(version schema.GroupVersion) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(version.WithKind("SSP"))
	return object
}

func cronObject() *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(cdiVersion.WithKind(kindDataImportCron))
	return object
}

func dataSourceObject() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(cdiVersion.WithKind(kindDataSource))
	return object
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// watch wakes the reconciler for what may change its mind.
func watch(ctl controller.Controller, objects cache.Cache, r *reconciler) error {
	vanished := func(kind string) func(client.Object) {
		return func(object client.Object) { r.settling.vanished(objectKey{kind, keyOf(object)}, object.GetUID()) }
	}
	for _, s := range []source.Source{
		source.Kind[client.Object](objects, sspObject(r.version), r.sspEvents(), sspChanged()),
		source.Kind[client.Object](objects, cronObject(), r.ownerEvents(vanished(kindDataImportCron)), ownChanged(false)),
		source.Kind[client.Object](objects, dataSourceObject(), r.ownerEvents(vanished(kindDataSource)), ownChanged(true)),
	} {
		if err := ctl.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// sspChanged lets through what dicer reads of an SSP, whose operator writes its
// status all the time.
func sspChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || metadataChanged(e, e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations())
	}}
}

// ownChanged lets through what dicer compares of its own objects: labels, some
// of the annotations and, where spec is set, the spec. CDI annotates a
// DataImportCron at each poll, and writes its status, which for want of a
// subresource is a new generation each time.
func ownChanged(spec bool) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return spec && e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || metadataChanged(e, compared(e.ObjectOld), compared(e.ObjectNew))
	}}
}

func metadataChanged(e event.UpdateEvent, before, after map[string]string) bool {
	old, now := e.ObjectOld, e.ObjectNew
	return old.GetUID() != now.GetUID() || (old.GetDeletionTimestamp() == nil) != (now.GetDeletionTimestamp() == nil) ||
		!maps.Equal(old.GetLabels(), now.GetLabels()) || !maps.Equal(before, after)
}

// compared are the annotations that dicer's record, the template or the SSP
// operator wrote.
func compared(object client.Object) map[string]string {
	known, _ := recordOf(object)
	out := map[string]string{}
	for key, value := range object.GetAnnotations() {
		if strings.HasPrefix(key, ownPrefix) || strings.HasPrefix(key, adoptedPrefix) || slices.Contains(known.keys.Annotations, key) {
			out[key] = value
		}
	}
	return out
}

// sspEvents wakes every SSP: one may wait for a name that another gave up.
func (r *reconciler) sspEvents() handler.TypedEventHandler[client.Object, reconcile.Request] {
	return handler.TypedEnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		key := keyOf(object)
		return append(r.otherRequests(ctx, key), reconcile.Request{NamespacedName: key})
	})
}

// otherRequests names the SSPs of the cache but one.
func (r *reconciler) otherRequests(ctx context.Context, but types.NamespacedName) []reconcile.Request {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(r.version.WithKind("SSPList"))
	if err := r.cached.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil // it is not filled yet: each will come by itself
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if key := keyOf(&list.Items[i]); key != but {
			requests = append(requests, reconcile.Request{NamespacedName: key})
		}
	}
	return requests
}

// ownerEvents wakes the SSP that an object was made for: the one that its
// annotation names now, and the one that it named before. The cache has objects of
// SSPs out of scope too: another controller's.
func (r *reconciler) ownerEvents(vanished func(client.Object)) handler.TypedFuncs[client.Object, reconcile.Request] {
	wake := func(q queue, object client.Object) {
		if key, ok := parseKey(object.GetAnnotations()[SSPAnnotation]); ok && r.inScope(key.Namespace) {
			q.Add(reconcile.Request{NamespacedName: key})
		}
	}
	return handler.TypedFuncs[client.Object, reconcile.Request]{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { wake(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			wake(q, e.ObjectOld)
			wake(q, e.ObjectNew)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			vanished(e.Object)
			wake(q, e.Object)
		},
	}
}
