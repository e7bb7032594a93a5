package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// crons returns the DataImportCrons of a namespace by name.
func (p *place) crons(namespace string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	return p.list(namespace, "DataImportCron")
}

func (p *place) list(namespace, kind string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "cdi.kubevirt.io", Version: "v1beta1", Kind: kind + "List"})
	if err := env.Client.List(p.t.Context(), list, client.InNamespace(namespace)); err != nil {
		p.t.Fatal(err)
	}
	out := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		out[list.Items[i].GetName()] = &list.Items[i]
	}
	return out
}

// stand waits until exactly these DataImportCrons are in the golden namespace,
// none of them on its way out, and returns them.
func (p *place) stand(names ...string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	slices.Sort(names)
	var found map[string]*unstructured.Unstructured
	p.eventually(func() error {
		found = p.crons(p.golden)
		var have []string
		for name, object := range found {
			if object.GetDeletionTimestamp() != nil {
				name += " (being deleted)"
			}
			have = append(have, name)
		}
		slices.Sort(have)
		if !slices.Equal(have, names) {
			return fmt.Errorf("DataImportCrons %q stand; want %q", have, names)
		}
		return nil
	})
	return found
}

func (p *place) eventually(condition func() error) {
	p.t.Helper()
	if err := cluster.Eventually(p.t.Context(), time.Minute, func(context.Context) error { return condition() }); err != nil {
		p.t.Fatal(err)
	}
}

// reconciled waits until the controller has looked at everything once more: an
// SSP is touched, the count of reconciles has moved on, and it is idle.
func (p *place) reconciled(f *cluster.Fanout, ssp *unstructured.Unstructured) {
	p.t.Helper()
	p.idle(f)
	before := p.value(f, reconciles, nil)
	p.patch(ssp, fmt.Sprintf(`{"metadata":{"annotations":{"e2e/touched":"%d"}}}`, time.Now().UnixNano()))
	p.eventually(func() error {
		if p.value(f, reconciles, nil) == before {
			return fmt.Errorf("no reconcile since %v", before)
		}
		return nil
	})
	p.idle(f)
}

const reconciles = "controller_runtime_reconcile_total"

// idle waits until a reconcile that goes on has ended. What one has written can
// be seen before: the controller counts, and the API server logs, after that.
func (p *place) idle(f *cluster.Fanout) {
	p.t.Helper()
	p.eventually(func() error { return p.isIdle(f) })
}

// isIdle has no reconcile end while it looks: one may have asked for the next.
func (p *place) isIdle(f *cluster.Fanout) error {
	var values []float64
	for _, metric := range []string{reconciles, "workqueue_depth", "controller_runtime_active_workers", reconciles} {
		value, err := f.Value(p.t.Context(), metric, nil)
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	if ended := values[3] - values[0]; values[1]+values[2]+ended > 0 {
		return fmt.Errorf("not idle: %v wait, %v go on, %v have ended meanwhile", values[1], values[2], ended)
	}
	return nil
}

// answered waits until the API server has logged the requests of which the
// controllers' writes can be seen: it does before it answers.
func (p *place) answered() {
	p.t.Helper()
	for _, f := range p.controllers {
		p.eventually(func() error {
			select {
			case <-f.Exited():
				return nil
			default:
				return p.isIdle(f)
			}
		})
	}
}

// shows waits until the controller is idle and a metric has this value.
func (p *place) shows(f *cluster.Fanout, metric string, labels map[string]string, want float64) {
	p.t.Helper()
	p.eventually(func() error {
		if err := p.isIdle(f); err != nil {
			return err
		}
		if got := p.value(f, metric, labels); got != want {
			return fmt.Errorf("%s%v is %v; want %v", metric, labels, got, want)
		}
		return nil
	})
}

func (p *place) value(f *cluster.Fanout, metric string, labels map[string]string) float64 {
	p.t.Helper()
	value, err := f.Value(p.t.Context(), metric, labels)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// told waits for an event with a reason, on an object of a namespace, whose note
// has all these texts.
func (p *place) told(namespace, reason string, texts ...string) eventsv1.Event {
	p.t.Helper()
	var found eventsv1.Event
	p.eventually(func() error {
		var seen []string
		for _, e := range p.events(namespace) {
			seen = append(seen, e.Reason+": "+e.Note)
			missing := slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(e.Note, text) })
			if e.Reason == reason && !missing {
				found = e
				return nil
			}
		}
		return fmt.Errorf("no event %s with %q in:\n%s", reason, texts, strings.Join(seen, "\n"))
	})
	return found
}

func (p *place) events(namespace string) []eventsv1.Event {
	p.t.Helper()
	list := &eventsv1.EventList{}
	if err := env.Client.List(p.t.Context(), list, client.InNamespace(namespace)); err != nil {
		p.t.Fatal(err)
	}
	return list.Items
}

// writes returns the controller's requests that could change DataImportCrons or
// DataSources of a namespace, as the API server logged them; no dry runs. Each
// is "verb resource/name code".
func (p *place) writes(namespace string) []string {
	p.t.Helper()
	p.answered()
	var out []string
	for _, e := range auditEvents(p.t, "") {
		if e.User.Username != fanoutUser || e.ObjectRef.Namespace != namespace || strings.Contains(e.RequestURI, "dryRun=") {
			continue
		}
		switch e.Verb {
		case "create", "update", "patch", "delete":
			out = append(out, fmt.Sprintf("%s %s/%s %d", e.Verb, e.ObjectRef.Resource, e.ObjectRef.Name, e.ResponseStatus.Code))
		}
	}
	return out
}

// without returns an object without what the API server and dicer's record add.
func without(object *unstructured.Unstructured) map[string]any {
	object = &unstructured.Unstructured{Object: bare(object)}
	annotations, labels := object.GetAnnotations(), object.GetLabels()
	for key := range annotations {
		if strings.HasPrefix(key, "dicer.dev/") {
			delete(annotations, key)
		}
	}
	delete(labels, "app.kubernetes.io/managed-by")
	object.SetAnnotations(annotations)
	object.SetLabels(labels)
	return object.Object
}
