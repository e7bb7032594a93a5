package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// sspOf is the SSP of a generation, with these templates.
func sspOf(t *testing.T, generation int64, templates ...string) *unstructured.Unstructured {
	t.Helper()
	raw := "{apiVersion: ssp.kubevirt.io/v1beta3, kind: SSP, metadata: {name: ssp, namespace: kubevirt, uid: u}, spec: {commonTemplates: {dataImportCronTemplates: ["
	for i, template := range templates {
		if i > 0 {
			raw += ", "
		}
		raw += template
	}
	ssp := &unstructured.Unstructured{Object: parse(t, raw+"]}}}")}
	ssp.SetGeneration(generation)
	return ssp
}

// cronsOf are the DataImportCrons that an SSP asks for, as they stand.
func cronsOf(t *testing.T, ssp *unstructured.Unstructured) []client.Object {
	t.Helper()
	var out []client.Object
	for i, it := range benchPlanner().plan(ssp).items {
		if it.problem != nil {
			t.Fatal(it.problem)
		}
		object := it.object.DeepCopy()
		object.SetUID(types.UID(fmt.Sprintf("cron-%d", i)))
		out = append(out, object)
	}
	return out
}

// clusterOf is an API server with these objects, and a place for requests that
// write, dry runs and events left out. get answers reads of the SSP in its stead
// where it returns an error.
func clusterOf(requests *[]string, get error, objects ...client.Object) client.WithWatch {
	scheme := runtime.NewScheme()
	for _, gvk := range []schema.GroupVersionKind{benchVersion.WithKind("SSP"), cdiVersion.WithKind(kindDataImportCron), cdiVersion.WithKind(kindDataSource)} {
		scheme.AddKnownTypeWithName(gvk, &unstructured.Unstructured{})
		gvk.Kind += "List"
		scheme.AddKnownTypeWithName(gvk, &unstructured.UnstructuredList{})
	}
	_ = eventsv1.AddToScheme(scheme)
	note := func(verb string, object client.Object) { *requests = append(*requests, verb+" "+object.GetName()) }
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if get != nil && object.GetObjectKind().GroupVersionKind().Kind == "SSP" {
				return get
			}
			return c.Get(ctx, key, object, options...)
		},
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			if _, event := object.(*eventsv1.Event); !event && !slices.Contains(options, client.CreateOption(client.DryRunAll)) {
				note("create", object)
			}
			return c.Create(ctx, object, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			note("patch", object)
			return c.Patch(ctx, object, patch, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			note("delete", object)
			return c.Delete(ctx, object, options...)
		},
	}).Build()
}

func testReconciler(t *testing.T, cached client.Reader, live client.Client) *reconciler {
	t.Helper()
	counts, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	settling, _ := newTestSettling()
	return &reconciler{
		planner: benchPlanner(), cached: cached, live: live, version: benchVersion,
		served:   func(context.Context) (bool, error) { return true, nil },
		inScope:  func(string) bool { return true },
		settling: settling, doubts: newDoubts(), teller: newTeller("test"), metrics: counts,
		retries: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](time.Minute, time.Minute),
	}
}

// TestNothingIsDeletedForAnSSPThatTheCacheShowsAsItWas: the cache shows an SSP
// that asks for less, and for another spec, than what stands.
func TestNothingIsDeletedForAnSSPThatTheCacheShowsAsItWas(t *testing.T) {
	now := sspOf(t, 2, tmpl("changed", "amd64", "changed", "docker://new"), tmpl("kept", "amd64,arm64", "kept", "docker://x"))
	before := []string{tmpl("changed", "amd64", "changed", "docker://old"), tmpl("kept", "amd64", "kept", "docker://x")}
	change := func(do func(*unstructured.Unstructured)) *unstructured.Unstructured {
		out := sspOf(t, 2, before...)
		do(out)
		return out
	}
	notFound := apierrors.NewNotFound(schema.GroupResource{Group: sspGroup, Resource: "ssps"}, "ssp")
	for name, tc := range map[string]struct {
		live *unstructured.Unstructured
		get  error
		want []string
	}{
		"it is of a later generation": {live: now},
		"it was made anew":            {live: change(func(ssp *unstructured.Unstructured) { ssp.SetUID("other"); ssp.SetGeneration(1) })},
		"it is paused now": {live: change(func(ssp *unstructured.Unstructured) {
			ssp.SetGeneration(1)
			ssp.SetAnnotations(map[string]string{pausedAnnotation: "true"})
		})},
		"it is being deleted":      {live: change(func(ssp *unstructured.Unstructured) { ssp.SetGeneration(1); terminate(ssp) })},
		"it is gone":               {live: now, get: notFound},
		"it cannot be read":        {live: now, get: errors.New("down")},
		"it is as it was: both go": {live: sspOf(t, 1, before...), want: []string{"delete changed-amd64", "delete kept-arm64"}},
		"it has another annotation now": {live: change(func(ssp *unstructured.Unstructured) {
			ssp.SetGeneration(1)
			ssp.SetAnnotations(map[string]string{"a": "b"})
		}), want: []string{"delete changed-amd64", "delete kept-arm64"}},
	} {
		t.Run(name, func(t *testing.T) {
			var requests, none []string
			standing := cronsOf(t, now)
			cached := clusterOf(&none, nil, append(standing, sspOf(t, 1, before...))...)
			live := clusterOf(&requests, tc.get, append(cronsOf(t, now), tc.live)...)
			result, err := testReconciler(t, cached, live).Reconcile(t.Context(), reconcile.Request{NamespacedName: keyOf(now)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			want := time.Second
			if tc.want != nil {
				want = delay
			}
			if result.RequeueAfter != want {
				t.Errorf("the next look is after %s; want %s", result.RequeueAfter, want)
			}
			left := &metav1.PartialObjectMetadataList{}
			left.SetGroupVersionKind(cdiVersion.WithKind("DataImportCronList"))
			if err := live.List(t.Context(), left); err != nil || len(left.Items) != len(standing)-len(tc.want) {
				t.Errorf("%d are left, %v; want %d", len(left.Items), err, len(standing)-len(tc.want))
			}
		})
	}
}

// terminate makes an object one that a finalizer holds.
func terminate(object *unstructured.Unstructured) {
	now := metav1.Now()
	object.SetDeletionTimestamp(&now)
	object.SetFinalizers([]string{"test/hold"})
}

func TestTheReasonOfARefusalIsWhoRefused(t *testing.T) {
	crons := schema.GroupResource{Group: cdiVersion.Group, Resource: "dataimportcrons"}
	rbac := `User "system:serviceaccount:dicer-system:dicer-fanout" cannot create resource "dataimportcrons" in API group "cdi.kubevirt.io" in the namespace "golden"`
	terminating := apierrors.NewForbidden(crons, "a", errors.New("unable to create new content in namespace golden because it is being terminated"))
	terminating.ErrStatus.Details.Causes = append(terminating.ErrStatus.Details.Causes, metav1.StatusCause{Type: corev1.NamespaceTerminatingCause, Message: "namespace golden is being terminated", Field: "metadata.namespace"})
	webhook := &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: `admission webhook "w" denied the request: User "bob" cannot create resource "dataimportcrons"`}}
	policy := `ValidatingAdmissionPolicy 'p' with binding 'p' denied request: a DataImportCron cannot import at night`
	for name, tc := range map[string]struct {
		err  error
		want Reason
	}{
		"RBAC":                                   {apierrors.NewForbidden(crons, "", errors.New(rbac)), ReasonWriteForbidden},
		"RBAC, of a named object":                {apierrors.NewForbidden(crons, "a", errors.New(rbac)), ReasonWriteForbidden},
		"a policy":                               {apierrors.NewForbidden(crons, "a", errors.New(policy)), ReasonWriteRejected},
		"a policy, as invalid":                   {&apierrors.StatusError{ErrStatus: metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid, Message: policy}}, ReasonWriteRejected},
		"a webhook":                              {webhook, ReasonWriteRejected},
		"a schema":                               {apierrors.NewInvalid(cdiVersion.WithKind(kindDataImportCron).GroupKind(), "a", nil), ReasonWriteRejected},
		"a request that is none":                 {apierrors.NewBadRequest("unknown field"), ReasonWriteRejected},
		"a quota":                                {apierrors.NewForbidden(crons, "a", errors.New("exceeded quota: q")), ReasonWriteRejected},
		"no such namespace":                      {apierrors.NewNotFound(corev1.Resource("namespaces"), "golden"), ReasonNamespaceMissing},
		"a namespace that is being deleted":      {terminating, ReasonNamespaceMissing},
		"another object that is not there":       {apierrors.NewNotFound(crons, "namespaces"), ReasonWriteFailed},
		"a webhook that does not answer":         {apierrors.NewInternalError(errors.New(`failed calling webhook "w": User "bob" cannot`)), ReasonWriteFailed},
		"an API server that is busy":             {apierrors.NewTooManyRequests("later", 1), ReasonWriteFailed},
		"an API server that cannot be reached":   {errors.New("connection refused"), ReasonWriteFailed},
		"a client whose credentials are too old": {apierrors.NewUnauthorized("Unauthorized"), ReasonWriteFailed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := writeReason(tc.err); got != tc.want {
				t.Errorf("%s for %v; want %s", got, tc.err, tc.want)
			}
		})
	}
}
