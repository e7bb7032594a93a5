package main

import (
	"context"
	"fmt"
	"strings"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	sspNamespace = "kubevirt"
	sspName      = "ssp"
)

// told returns the events on the SSP.
func (d *demo) told(ctx context.Context) (map[types.UID]eventsv1.Event, error) {
	list := &eventsv1.EventList{}
	if err := d.Client.List(ctx, list, client.InNamespace(sspNamespace)); err != nil {
		return nil, err
	}
	out := map[types.UID]eventsv1.Event{}
	for _, e := range list.Items {
		if e.Regarding.Kind == "SSP" && e.Regarding.Name == sspName {
			out[e.UID] = e
		}
	}
	return out, nil
}

// events waits for a new event that names all DataImportCrons of a step, and
// shows it.
func (d *demo) events(ctx context.Context, s step, before map[types.UID]eventsv1.Event) error {
	err := cluster.Eventually(ctx, fanoutTimeout, func(ctx context.Context) error {
		told, err := d.told(ctx)
		if err != nil {
			return err
		}
		for uid, e := range told {
			if _, old := before[uid]; !old && e.Reason == s.event && namesAll(e.Note, s.fates) {
				return nil
			}
		}
		return fmt.Errorf("no new event %s that names all of %v", s.event, s.fates)
	})
	if err != nil {
		return err
	}
	args := []string{"events", "--for", "ssp/" + sspName, "-n", sspNamespace}
	all, _, err := d.Kubectl(ctx, "", args...)
	if err != nil {
		return err
	}
	d.out.command("kubectl %s | grep %s", strings.Join(args, " "), s.event)
	for line := range strings.Lines(all) {
		if strings.Contains(line, s.event) {
			d.out.answer(line, false)
		}
	}
	return nil
}

func namesAll(note string, names fates) bool {
	for name := range names {
		if !strings.Contains(note, name) {
			return false
		}
	}
	return true
}
