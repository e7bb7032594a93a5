package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// standing are the DataImportCrons that stand, by name.
type standing map[string]*unstructured.Unstructured

// fate is what becomes of a DataImportCron.
type fate string

const (
	created  fate = "created"
	changed  fate = "changed in place"
	replaced fate = "replaced"
	deleted  fate = "deleted"
)

// fates are those of DataImportCrons by name; what is not in it is as it was.
type fates map[string]fate

// since tells what became of each since before.
func (now standing) since(before standing) fates {
	out := fates{}
	for name, old := range before {
		switch object := now[name]; {
		case object == nil:
			out[name] = deleted
		case object.GetUID() != old.GetUID():
			out[name] = replaced
		case object.GetResourceVersion() != old.GetResourceVersion():
			out[name] = changed
		}
	}
	for name := range now {
		if before[name] == nil {
			out[name] = created
		}
	}
	return out
}

func (d *demo) list(ctx context.Context) (standing, error) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	list.SetKind("DataImportCronList")
	if err := d.Client.List(ctx, list, client.InNamespace(imagesNamespace)); err != nil {
		return nil, err
	}
	out := standing{}
	for i := range list.Items {
		out[list.Items[i].GetName()] = &list.Items[i]
	}
	return out, nil
}

// fanoutTimeout is generous: a busy machine is no failure.
const fanoutTimeout = 30 * time.Second

// await waits until exactly these fates have come true since the last step, and
// shows each change as it comes.
func (d *demo) await(ctx context.Context, want fates) error {
	before, started := d.stand, time.Now()
	err := cluster.Eventually(ctx, fanoutTimeout, func(ctx context.Context) error {
		now, err := d.list(ctx)
		if err != nil {
			return err
		}
		seen := now.since(d.stand)
		d.stand = now
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			d.out.change(time.Since(started), name, string(seen[name]))
		}
		if got := now.since(before); !maps.Equal(got, want) {
			return fmt.Errorf("the DataImportCrons were %v; want %v", got, want)
		}
		return nil
	})
	if err == nil {
		d.remark(before, want)
	}
	return err
}

// remark tells what makes the fates what they are.
func (d *demo) remark(before standing, want fates) {
	if len(want) == 0 {
		d.out.remark("every DataImportCron is as it was, to the resourceVersion")
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch want[name] {
		case replaced:
			d.out.remark("%s: UID %.8s before, %.8s now", name, before[name].GetUID(), d.stand[name].GetUID())
		case changed:
			d.out.remark("%s: UID %.8s, as before", name, d.stand[name].GetUID())
		}
	}
}
