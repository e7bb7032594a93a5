package ratchet

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	sspv1beta2 "kubevirt.io/ssp-operator/api/v1beta2"
	sspv1beta3 "kubevirt.io/ssp-operator/api/v1beta3"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// change is what a write changes; value is new each time.
type change struct {
	name string
	// path is of the field, in the object.
	path  []string
	value func(round string) any
}

// changes are the writes that leave what is wrong alone, but for deletions.
var changes = []change{
	{"status", []string{"status"}, nil},
	{"label", []string{"metadata", "labels", "mine"}, func(round string) any { return round }},
	{"annotation", []string{"metadata", "annotations", "mine"}, func(round string) any { return round }},
	{"finalizer", []string{"metadata", "finalizers"}, func(round string) any { return []any{"dicer.dev/" + round} }},
	{"ownerReference", []string{"metadata", "ownerReferences"}, func(round string) any {
		return []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": round, "uid": round}}
	}},
}

// of is the change for an object: statuses differ in their fields.
func (c change) of(obj *unstructured.Unstructured, round string) (path []string, value any) {
	switch {
	case c.value != nil:
		return c.path, c.value(round)
	case obj.GetKind() == dicKind.Kind:
		return []string{"status", "sourceFormat"}, "pvc" + round
	}
	return []string{"status", "operatorVersion"}, round
}

// way is how a client writes. It leaves the stored object in obj.
type way struct {
	name  string
	write func(ctx context.Context, c clients, obj *unstructured.Unstructured, path []string, value any) error
}

// clients write as a controller does; status is of the kinds that have that
// subresource.
type clients struct {
	client.Client
	status bool
}

var ways = []way{
	{"update", func(ctx context.Context, c clients, obj *unstructured.Unstructured, path []string, value any) error {
		if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
			return err
		}
		return c.update(ctx, obj)
	}},
	{"merge patch", func(ctx context.Context, c clients, obj *unstructured.Unstructured, path []string, value any) error {
		return c.patch(ctx, obj, types.MergePatchType, nest(value, path...))
	}},
	{"JSON patch", func(ctx context.Context, c clients, obj *unstructured.Unstructured, path []string, value any) error {
		// The field's parent may have to be made.
		for i := 1; i < len(path); i++ {
			if _, found, _ := unstructured.NestedFieldNoCopy(obj.Object, path[:i]...); !found {
				value, path = nest(value, path[i:]...), path[:i]
			}
		}
		pointer := ""
		for _, name := range path {
			pointer += "/" + name
		}
		return c.patch(ctx, obj, types.JSONPatchType, []any{map[string]any{"op": "add", "path": pointer, "value": value}})
	}},
	{"server-side apply", func(ctx context.Context, c clients, obj *unstructured.Unstructured, path []string, value any) error {
		applied := &unstructured.Unstructured{Object: nest(value, path...)}
		applied.SetGroupVersionKind(obj.GroupVersionKind())
		applied.SetNamespace(obj.GetNamespace())
		applied.SetName(obj.GetName())
		// One applier of several fields would take away those that it leaves out.
		applier := client.FieldOwner("applier-of-" + path[len(path)-1])
		return c.patch(ctx, obj, types.ApplyPatchType, applied.Object, applier, client.ForceOwnership)
	}},
	{"Go types", func(ctx context.Context, c clients, obj *unstructured.Unstructured, path []string, value any) error {
		if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
			return err
		}
		typed := typedFor(obj)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, typed); err != nil {
			return err
		}
		if err := c.update(ctx, typed); err != nil {
			return err
		}
		return c.Get(ctx, client.ObjectKeyFromObject(obj), obj)
	}},
}

func (c clients) update(ctx context.Context, obj client.Object) error {
	if c.status {
		return c.Status().Update(ctx, obj)
	}
	return c.Update(ctx, obj)
}

func (c clients) patch(ctx context.Context, obj *unstructured.Unstructured, kind types.PatchType, content any, options ...client.PatchOption) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if c.status {
		sub := &client.SubResourcePatchOptions{PatchOptions: *(&client.PatchOptions{}).ApplyOptions(options)}
		return c.Status().Patch(ctx, obj, client.RawPatch(kind, raw), sub)
	}
	return c.Patch(ctx, obj, client.RawPatch(kind, raw), options...)
}

// nest puts a value at a path.
func nest(value any, path ...string) map[string]any {
	for i := len(path) - 1; i > 0; i-- {
		value = map[string]any{path[i]: value}
	}
	return map[string]any{path[0]: value}
}

// typedFor is the Go type by which operators write an object. It adds empty fields
// to what a person wrote, and leaves out what it does not know.
func typedFor(obj *unstructured.Unstructured) client.Object {
	switch obj.GroupVersionKind() {
	case sspKinds[0]:
		return &sspv1beta2.SSP{}
	case sspKinds[1]:
		return &sspv1beta3.SSP{}
	}
	return &cdiv1beta1.DataImportCron{}
}

// remove deletes an object that has a finalizer, changes it as it goes, and lets it
// go. It returns how many writes that were.
func remove(ctx context.Context, c client.Client, obj *unstructured.Unstructured, policy metav1.DeletionPropagation) (int, error) {
	if err := c.Delete(ctx, obj, client.PropagationPolicy(policy)); err != nil {
		return 1, fmt.Errorf("%s deletion: %w", policy, err)
	}
	patches := []string{`{"metadata":{"annotations":{"going":"1"}}}`, `{"metadata":{"finalizers":null}}`}
	if obj.GetKind() == dicKind.Kind {
		// Its rules are broken anew, which is nobody's concern any more.
		patches[0] = `{"metadata":{"labels":{"` + archKey + `":"mips64"}},"spec":{"managedDataSource":"y-s390x"}}`
	}
	for i, patch := range patches {
		if err := c.Patch(ctx, obj, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
			return 2 + i, fmt.Errorf("after its deletion, %s: %w", patch, err)
		}
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(obj), obj); client.IgnoreNotFound(err) != nil || err == nil {
		return 3, fmt.Errorf("it is still there: %v", err)
	}
	return 3, nil
}
