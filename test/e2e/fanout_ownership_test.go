package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/test/cluster"
)

// identical fails the test where an object is not byte for byte what it was,
// resourceVersion and all.
func (p *place) identical(before ...*unstructured.Unstructured) {
	p.t.Helper()
	for _, object := range before {
		if diff := cmp.Diff(object.Object, stored(p.t, object).Object); diff != "" {
			p.t.Errorf("%s %s/%s was changed (-before +after):\n%s", object.GetKind(), object.GetNamespace(), object.GetName(), diff)
		}
	}
}

// lookedTwice waits until a whole reconcile has begun and ended: the first may
// have begun before.
func (p *place) lookedTwice(f *cluster.Fanout, ssp *unstructured.Unstructured) {
	p.t.Helper()
	for range 2 {
		p.reconciled(f, ssp)
	}
}

// noDeletes fails the test where the controller has deleted anything.
func (p *place) noDeletes() {
	p.t.Helper()
	for _, write := range p.writes(p.golden) {
		if strings.HasPrefix(write, "delete ") {
			p.t.Errorf("the controller sent %q; want no delete", write)
		}
	}
}

// uids are those of objects by name.
func uids(objects map[string]*unstructured.Unstructured) map[string]types.UID {
	out := map[string]types.UID{}
	for name, object := range objects {
		out[name] = object.GetUID()
	}
	return out
}

// sameUIDs fails the test where an object is another than before.
func (p *place) sameUIDs(before map[string]types.UID, now map[string]*unstructured.Unstructured) {
	p.t.Helper()
	if diff := cmp.Diff(before, uids(now)); diff != "" {
		p.t.Errorf("UIDs (-before +after):\n%s", diff)
	}
}

// made tells whether an object has dicer's whole record.
func made(object *unstructured.Unstructured) bool {
	return object.GetLabels()["app.kubernetes.io/managed-by"] == "dicer" &&
		object.GetAnnotations()["dicer.dev/object"] == object.GetNamespace()+"/"+object.GetName()
}

func TestFanoutLeavesForeignDataImportCronsAloneUntilTheyGo(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var foreign []*unstructured.Unstructured
	for name, metadata := range map[string]string{
		"plain":    "",
		"labelled": labels("app.kubernetes.io/managed-by", "dicer"),
		"operator": labels("app.kubernetes.io/managed-by", "ssp-operator"),
	} {
		object := dic(name+"-amd64", metadata, "somebodys-"+name, registry)
		object.SetNamespace(p.golden)
		foreign = append(foreign, stored(t, p.put(object)))
	}
	f := p.start()
	ssp := p.ssp("ssp", template("plain", "amd64,arm64", "a", ""), template("labelled", "amd64,arm64", "b", ""), template("operator", "amd64,arm64", "c", ""))
	all := []string{"labelled-amd64", "labelled-arm64", "operator-amd64", "operator-arm64", "plain-amd64", "plain-arm64"}
	p.stand(all...)
	e := p.told(p.ssps, "Foreign", "plain-amd64", "labelled-amd64", "operator-amd64", "Delete or rename it")
	if e.Type != "Warning" || e.Regarding.Kind != "SSP" || e.Regarding.Name != "ssp" {
		t.Errorf("the event is a %s on %s %s", e.Type, e.Regarding.Kind, e.Regarding.Name)
	}
	p.lookedTwice(f, ssp)
	p.identical(foreign...)
	p.shows(f, "dicer_fanout_failed", map[string]string{"reason": "Foreign"}, 3)
	for _, object := range foreign {
		p.delete(object)
	}
	// Foreign objects are not watched, but looked at every minute.
	err := cluster.Eventually(t.Context(), 100*time.Second, func(context.Context) error {
		found := p.crons(p.golden)
		for _, name := range all {
			if found[name] == nil || !made(found[name]) {
				return fmt.Errorf("%s is not made yet", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.noDeletes()
}

// copyOf is what a person applies who saved an object and gave it another name.
func copyOf(object *unstructured.Unstructured, namespace, name string) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: bare(object)}
	out.SetNamespace(namespace)
	out.SetName(name)
	return out
}

func TestFanoutNeverTouchesCopiesOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	// One that dicer may write to, so that nothing but ownership stops it.
	other := p.golden + "-other"
	p.namespace(other, nil)
	p.grant(other)
	p.args = append(p.args, "--target-namespaces="+other)
	f := p.start()
	ssp := p.ssp("ssp", template("rhel10", "amd64,arm64", "rhel10", ""))
	standing := p.stand("rhel10-amd64", "rhel10-arm64")
	p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
	var copies []*unstructured.Unstructured
	for _, c := range []*unstructured.Unstructured{
		copyOf(standing["rhel10-amd64"], p.golden, "saved"),
		copyOf(standing["rhel10-amd64"], p.golden, "fedora-amd64"),
		copyOf(standing["rhel10-amd64"], other, "rhel10-amd64"),
		copyOf(standing["rhel10-arm64"], other, "saved"),
		copyOf(p.list(p.golden, "DataSource")["rhel10"], p.golden, "saved"),
		copyOf(p.list(p.golden, "DataSource")["rhel10"], other, "rhel10"),
	} {
		copies = append(copies, stored(t, p.put(c)))
	}
	p.lookedTwice(f, ssp)
	// fedora wants the name of a copy, and rhel10 another spec: both wake dicer.
	ssp = p.ssp("ssp", template("fedora", "amd64", "fedora", ""), template("rhel10", "amd64", "rhel10-next", ""))
	p.told(p.ssps, "Foreign", "fedora-amd64")
	p.stand("fedora-amd64", "rhel10-amd64", "saved")
	p.eventually(func() error { return p.points("rhel10-next", "rhel10-next-amd64") })
	p.identical(copies...)
	p.delete(ssp)
	p.stand("fedora-amd64", "saved")
	p.eventually(func() error { return p.only("DataSource", "saved") })
	p.identical(copies...)
}

// points tells whether a DataSource of the golden namespace points to another
// and nowhere else.
func (p *place) points(name, target string) error {
	object := p.list(p.golden, "DataSource")[name]
	if object == nil {
		return fmt.Errorf("no DataSource %s", name)
	}
	want := map[string]any{"dataSource": map[string]any{"namespace": p.golden, "name": target}}
	source, _, _ := unstructured.NestedMap(object.Object, "spec", "source")
	if diff := cmp.Diff(want, source); diff != "" {
		return fmt.Errorf("DataSource %s (-want +got):\n%s", name, diff)
	}
	return nil
}

// only tells whether these objects of a kind stand in the golden namespace and
// no others.
func (p *place) only(kind string, names ...string) error {
	p.t.Helper()
	var have []string
	for name := range p.list(p.golden, kind) {
		have = append(have, name)
	}
	slices.Sort(have)
	slices.Sort(names)
	if !slices.Equal(have, names) {
		return fmt.Errorf("%s %q stand; want %q", kind, have, names)
	}
	return nil
}

func TestFanoutGivesUpForGoodWhatTheSSPOperatorHasTaken(t *testing.T) {
	t.Parallel()
	takes := map[string]string{
		"owner":  `{"metadata":{"annotations":{"operator-sdk/primary-resource":"kubevirt/ssp","operator-sdk/primary-resource-type":"SSP.ssp.kubevirt.io"}}}`,
		"type":   `{"metadata":{"annotations":{"operator-sdk/primary-resource-type":"SSP.ssp.kubevirt.io"}}}`,
		"labels": `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"ssp-operator"}}}`,
	}
	p := newPlace(t)
	f := p.start()
	templates := func(dataSource string) []string {
		var out []string
		for name := range takes {
			out = append(out, template(name, "amd64,arm64", dataSource+name, ""))
		}
		return append(out, template("mine", "amd64", dataSource+"mine", ""))
	}
	ssp := p.ssp("ssp", templates("")...)
	all := []string{"labels-amd64", "labels-arm64", "mine-amd64", "owner-amd64", "owner-arm64", "type-amd64", "type-arm64"}
	standing := p.stand(all...)
	var taken []*unstructured.Unstructured
	var names []string
	for name, patch := range takes {
		for _, a := range []string{"-amd64", "-arm64"} {
			p.patch(standing[name+a], patch)
			taken = append(taken, stored(t, standing[name+a]))
			names = append(names, name+a)
		}
	}
	p.lookedTwice(f, ssp)
	p.told(p.ssps, "Foreign", "owner-amd64", "type-arm64", "the SSP operator has taken it over")
	p.told(p.ssps, "Foreign", "labels-amd64", "labels-arm64")
	p.identical(taken...)
	// Another spec: what is dicer's is made anew, so dicer has looked.
	ssp = p.ssp("ssp", templates("next-")...)
	p.eventually(func() error {
		if object := p.crons(p.golden)["mine-amd64"]; object == nil || object.GetUID() == standing["mine-amd64"].GetUID() {
			return fmt.Errorf("mine-amd64 is not made anew")
		}
		return nil
	})
	p.identical(taken...)
	p.ssp("ssp", template("mine", "amd64", "next-mine", ""))
	p.lookedTwice(f, ssp)
	p.identical(taken...)
	p.delete(ssp)
	p.stand(names...)
	p.identical(taken...)
}

func TestFanoutLeavesAForeignDataSourceAlone(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	object := parse(`{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataSource, metadata: {name: rhel10}, spec: {source: {pvc: {namespace: somewhere, name: mine}}}}`)
	object.SetNamespace(p.golden)
	foreign := stored(t, p.put(object))
	f := p.start()
	ssp := p.ssp("ssp", template("rhel10", "amd64,arm64", "rhel10", ""), template("fedora", "arm64", "fedora", ""))
	p.stand("fedora-arm64", "rhel10-amd64", "rhel10-arm64")
	p.eventually(func() error { return p.points("fedora", "fedora-arm64") })
	p.told(p.ssps, "Foreign", "DataSource "+p.golden+"/rhel10", "Delete or rename it")
	p.lookedTwice(f, ssp)
	p.identical(foreign)
	p.delete(ssp)
	p.stand()
	p.eventually(func() error { return p.only("DataSource", "rhel10") })
	p.identical(foreign)
}
