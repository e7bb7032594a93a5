package e2e

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// beforeCopies is how many of each invalid object there are from before the
// webhooks were installed: each test changes its own.
const beforeCopies = 11

func invalidSSP(i int) *unstructured.Unstructured {
	return ssp(fmt.Sprintf("before-invalid-%d", i), template("rhel10", "amd64,arn64", "rhel10", ""), template("fedora", "amd64", "fedora", ""))
}

func collidingSSP(i int) *unstructured.Unstructured {
	return ssp(fmt.Sprintf("before-colliding-%d", i), template("one", "", "same", ""), template("two", "", "same", ""), template("three", "", "same", ""))
}

func invalidDIC(i int) *unstructured.Unstructured {
	return dic(fmt.Sprintf("before-%d-amd64", i), annotations(listKey, "mips")+labels(archKey, "arm64"), "rhel10-amd64", registryOf("s390x"))
}

func createBeforeInstall(ctx context.Context) error {
	for i := range beforeCopies {
		for _, obj := range []*unstructured.Unstructured{invalidSSP(i), collidingSSP(i), invalidDIC(i)} {
			if err := env.Client.Create(ctx, obj); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestWritesToObjectsInvalidFromBefore makes the writes that controllers,
// users and the garbage collector make to objects that break the rules.
func TestWritesToObjectsInvalidFromBefore(t *testing.T) {
	writes := []struct {
		name  string
		write func(*testing.T, *unstructured.Unstructured) outcome
	}{
		{"a status write passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			if obj.GetKind() == "SSP" {
				obj = set(stored(t, obj), "Deployed", "status", "phase")
				return updateStatus(t, obj)
			}
			// CDI has no status subresource.
			return update(t, set(stored(t, obj), "pvc", "status", "sourceFormat"))
		}},
		{"a label passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			return merge(t, obj, `{"metadata":{"labels":{"mine":"1"}}}`)
		}},
		{"an annotation passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			return merge(t, obj, `{"metadata":{"annotations":{"mine":"1"}}}`)
		}},
		{"an owner reference passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			return merge(t, obj, `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"u"}]}}`)
		}},
		{"a finalizer passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			return merge(t, obj, `{"metadata":{"finalizers":["dicer.dev/test"]}}`)
		}},
		{"a deletion passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			return see(t, env.client.Delete(t.Context(), obj))
		}},
		{"a spec change while it is being deleted passes", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			obj = stored(t, obj)
			if obj.GetKind() == "SSP" {
				obj.Object["spec"] = ssp("x", template("new", "mips", "new", "")).Object["spec"]
				return update(t, obj)
			}
			return update(t, set(obj, "2 2 * * *", "spec", "schedule"))
		}},
		{"the last finalizer goes, and so does the object", func(t *testing.T, obj *unstructured.Unstructured) outcome {
			return merge(t, obj, `{"metadata":{"finalizers":null}}`)
		}},
	}
	for _, obj := range []*unstructured.Unstructured{invalidSSP(9), invalidDIC(9)} {
		for _, tc := range writes {
			t.Run(obj.GetKind()+": "+tc.name, func(t *testing.T) {
				if got := tc.write(t, obj.DeepCopy()); len(got.errors) > 0 || len(got.warnings) > 0 {
					t.Errorf("got %+v; want silence", got)
				}
			})
		}
		if err := env.client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); client.IgnoreNotFound(err) != nil || err == nil {
			t.Errorf("%s is still there: %v", obj.GetName(), err)
		}
		for _, event := range auditEvents(t, obj.GetName()) {
			if called := event.calledWebhooks(); len(called) > 0 {
				t.Errorf("%s of %s went to %v", event.Verb, obj.GetName(), called)
			}
		}
	}
}
