package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The marks of what the SSP operator makes.
const (
	managedByKey    = "app.kubernetes.io/managed-by"
	primaryKey      = "operator-sdk/primary-resource"
	primaryTypeKey  = "operator-sdk/primary-resource-type"
	cronFinalizer   = "cdi.kubevirt.io/dataImportCronFinalizer"
	lastCronTimeKey = "cdi.kubevirt.io/storage.import.lastCronTime"
)

// wantedOf computes what has to stand for an SSP's templates, by the six
// changes, written down here once more: pkg/arch is what is tested. plain adds
// the unchanged ones of all templates.
func wantedOf(ssp *unstructured.Unstructured, namespace string, multi, plain bool) map[string]*unstructured.Unstructured {
	out := map[string]*unstructured.Unstructured{}
	templates, _, err := unstructured.NestedSlice(ssp.Object, "spec", "commonTemplates", "dataImportCronTemplates")
	if err != nil {
		panic(err)
	}
	for _, item := range templates {
		template := &unstructured.Unstructured{Object: item.(map[string]any)}
		list := template.GetAnnotations()[listKey]
		if list != "" && multi {
			for a := range strings.SplitSeq(list, ",") {
				d := cutByHand(template, strings.TrimSpace(a), namespace)
				out[d.GetName()] = d
			}
		} else if plain {
			d := carried(template, namespace)
			out[d.GetName()] = d
		}
	}
	return out
}

// carried makes a DataImportCron of a template as it is.
func carried(template *unstructured.Unstructured, namespace string) *unstructured.Unstructured {
	d := template.DeepCopy()
	d.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	d.SetKind("DataImportCron")
	d.SetNamespace(namespace)
	return d
}

func cutByHand(template *unstructured.Unstructured, a, namespace string) *unstructured.Unstructured {
	d := carried(template, namespace)
	d.SetName(d.GetName() + "-" + a)
	base, _, _ := unstructured.NestedString(d.Object, "spec", "managedDataSource")
	set(d, base+"-"+a, "spec", "managedDataSource")
	if _, found, _ := unstructured.NestedMap(d.Object, "spec", "template", "spec", "source", "registry"); found {
		set(d, a, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	}
	labels, annotations := d.GetLabels(), d.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[archKey], labels[baseKey] = a, base
	delete(annotations, listKey)
	d.SetLabels(labels)
	d.SetAnnotations(annotations)
	return d
}

// operator is a stand-in for the SSP operator. Its specs are its own: it deletes
// and recreates what differs, and takes over what has a name that it wants.
type operator struct {
	ssp    client.ObjectKey
	golden string
	// fansOut tells one that knows spec.enableMultipleArchitectures.
	fansOut bool

	mu      sync.Mutex
	deletes []string
	fatal   error
}

// operate starts a stand-in for the SSP operator, which ends with the test.
func (p *place) operate(ssp string, fansOut bool) *operator {
	o := &operator{ssp: client.ObjectKey{Namespace: p.ssps, Name: ssp}, golden: p.golden, fansOut: fansOut}
	background(p.t, 100*time.Millisecond, func(ctx context.Context) {
		err := o.reconcile(ctx)
		// What changed meanwhile is seen the next time.
		if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
			o.mu.Lock()
			o.fatal = err
			o.mu.Unlock()
		}
	})
	return o
}

// background does something again and again until the test ends.
func background(t *testing.T, every time.Duration, do func(context.Context)) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			do(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// deleted returns what the operator has deleted so far.
func (o *operator) deleted(t *testing.T) []string {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fatal != nil {
		t.Fatalf("the operator's stand-in: %v", o.fatal)
	}
	return slices.Clone(o.deletes)
}

func (o *operator) reconcile(ctx context.Context) error {
	current := ssp(o.ssp.Name)
	if err := env.Client.Get(ctx, o.ssp, current); err != nil {
		return err
	}
	enabled, _, _ := unstructured.NestedBool(current.Object, "spec", "enableMultipleArchitectures")
	wanted := wantedOf(current, o.golden, o.fansOut && enabled, true)
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	list.SetKind("DataImportCronList")
	if err := env.Client.List(ctx, list, client.InNamespace(o.golden)); err != nil {
		return err
	}
	for i := range list.Items {
		have := &list.Items[i]
		want := wanted[have.GetName()]
		delete(wanted, have.GetName())
		if err := o.settle(ctx, have, want); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if err := env.Client.Create(ctx, o.marked(wanted[name])); err != nil {
			return err
		}
	}
	return nil
}

// settle brings what stands to what is wanted; nil where nothing is.
func (o *operator) settle(ctx context.Context, have, want *unstructured.Unstructured) error {
	switch {
	case have.GetDeletionTimestamp() != nil:
		return nil
	case want == nil && have.GetAnnotations()[primaryKey] != o.ssp.String():
		return nil
	case want == nil, !equality.Semantic.DeepEqual(have.Object["spec"], want.Object["spec"]):
		o.mu.Lock()
		o.deletes = append(o.deletes, have.GetName())
		o.mu.Unlock()
		return env.Client.Delete(ctx, have)
	}
	changed := o.marked(have.DeepCopy())
	merged := func(have, want map[string]string) map[string]string {
		if have == nil {
			return want
		}
		maps.Copy(have, want)
		return have
	}
	want = o.marked(want)
	changed.SetLabels(merged(changed.GetLabels(), want.GetLabels()))
	changed.SetAnnotations(merged(changed.GetAnnotations(), want.GetAnnotations()))
	if equality.Semantic.DeepEqual(changed, have) {
		return nil
	}
	return env.Client.Update(ctx, changed)
}

// marked makes an object the operator's own.
func (o *operator) marked(object *unstructured.Unstructured) *unstructured.Unstructured {
	for _, mark := range [][]string{
		{managedByKey, "metadata", "labels"}, {primaryKey, "metadata", "annotations"}, {primaryTypeKey, "metadata", "annotations"},
	} {
		value := map[string]string{managedByKey: "ssp-operator", primaryKey: o.ssp.String(), primaryTypeKey: "SSP.ssp.kubevirt.io"}[mark[0]]
		set(object, value, append(mark[1:], mark[0])...)
	}
	return object
}

// imports starts a stand-in for CDI: it holds DataImportCrons by its finalizer
// for a moment, and writes their status and annotations all the time.
func (p *place) imports() {
	background(p.t, 400*time.Millisecond, func(ctx context.Context) {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
		list.SetKind("DataImportCronList")
		if env.Client.List(ctx, list, client.InNamespace(p.golden)) != nil {
			return
		}
		now := time.Now().UTC().Format(time.RFC3339)
		for i := range list.Items {
			cron := &list.Items[i]
			if cron.GetDeletionTimestamp() != nil {
				cron.SetFinalizers(nil)
			} else {
				cron.SetFinalizers([]string{cronFinalizer})
				set(cron, now, "metadata", "annotations", lastCronTimeKey)
				set(cron, now, "status", "lastExecutionTimestamp")
			}
			// What changed meanwhile is seen the next time.
			_ = env.Client.Update(ctx, cron)
		}
	})
	p.t.Cleanup(func() {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
		list.SetKind("DataImportCronList")
		_ = env.Client.List(context.Background(), list, client.InNamespace(p.golden))
		for i := range list.Items {
			remove(&list.Items[i])
		}
	})
}

// identities returns the UIDs of what stands.
func (p *place) identities() map[string]string {
	p.t.Helper()
	out := map[string]string{}
	for name, cron := range p.crons(p.golden) {
		out[name] = fmt.Sprint(cron.GetUID())
	}
	return out
}
