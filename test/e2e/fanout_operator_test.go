package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/cluster"
)

// peace fails where, for a while, anybody deletes or dicer writes, although the
// controller looks again and again.
func (p *place) peace(f *cluster.Fanout, o *operator, ssp *unstructured.Unstructured, during time.Duration) {
	p.t.Helper()
	writes, deletes, uids, looked := p.writes(p.golden), o.deleted(p.t), p.identities(), p.value(f, reconciles, nil)
	// Bounded: a fight over a DataImportCron shows in every round of the
	// operator's, ten in a second.
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		p.patch(ssp, fmt.Sprintf(`{"metadata":{"annotations":{"e2e/touched":"%d"}}}`, time.Now().UnixNano()))
	}
	if p.value(f, reconciles, nil) < looked+3 {
		p.t.Error("the controller did not look again: this proves nothing")
	}
	if diff := cmp.Diff(writes, p.writes(p.golden)); diff != "" {
		p.t.Errorf("dicer wrote (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(deletes, o.deleted(p.t)); diff != "" {
		p.t.Errorf("the operator deleted (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(uids, p.identities()); diff != "" {
		p.t.Errorf("other DataImportCrons stand (-before +after):\n%s", diff)
	}
}

// since returns what was deleted after before, by dicer and by the operator.
func (p *place) since(writes []string, o *operator, deletes []string) (dicer, operator []string) {
	p.t.Helper()
	for _, write := range p.writes(p.golden)[len(writes):] {
		if strings.HasPrefix(write, "delete ") {
			dicer = append(dicer, write)
		}
	}
	operator = o.deleted(p.t)[len(deletes):]
	slices.Sort(operator)
	return dicer, operator
}

// flip sets spec.enableMultipleArchitectures.
func (p *place) flip(ssp *unstructured.Unstructured, enabled string) {
	p.t.Helper()
	p.patch(ssp, `{"spec":{"enableMultipleArchitectures":`+enabled+`}}`)
}

// standAs waits until these stand: name and who manages it.
func (p *place) standAs(managers map[string]string) {
	p.t.Helper()
	var names []string
	for name := range managers {
		names = append(names, name)
	}
	p.stand(names...)
	p.eventually(func() error {
		have := map[string]string{}
		for name, cron := range p.crons(p.golden) {
			have[name] = cron.GetLabels()[managedByKey]
		}
		if diff := cmp.Diff(managers, have); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

var operatorTemplates = []string{
	template("rhel10", "amd64,arm64", "rhel10", labels("kubevirt.io/dynamic-credentials-support", "true")),
	template("centos", "s390x,amd64", "centos", ""),
	template("fedora", "", "fedora", ""),
}

// Who manages what, with the operator's fan-out off and on.
var (
	fanOutByDicer = map[string]string{
		"rhel10": "ssp-operator", "centos": "ssp-operator", "fedora": "ssp-operator",
		"rhel10-amd64": "dicer", "rhel10-arm64": "dicer", "centos-s390x": "dicer", "centos-amd64": "dicer",
	}
	fanOutByOperator = map[string]string{
		"fedora":       "ssp-operator",
		"rhel10-amd64": "ssp-operator", "rhel10-arm64": "ssp-operator", "centos-s390x": "ssp-operator", "centos-amd64": "ssp-operator",
	}
)

func TestFanoutLivesBesideAnOperatorThatKnowsNoLists(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	o := p.operate("ssp", false)
	p.imports()
	ssp := p.ssp("ssp", operatorTemplates...)
	p.standAs(fanOutByDicer)
	p.peace(f, o, ssp, 15*time.Second)
	if dicer, operator := p.since(nil, o, nil); len(dicer)+len(operator) > 0 {
		t.Errorf("on the way dicer deleted %q and the operator %q", dicer, operator)
	}
	p.neverForbidden(f)
}

func TestFanoutGivesWayToAnOperatorThatFansOut(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	o := p.operate("ssp", true)
	p.imports()
	ssp := p.ssp("ssp", operatorTemplates...)
	p.standAs(fanOutByDicer)
	p.peace(f, o, ssp, 15*time.Second)

	writes, deletes, made := p.writes(p.golden), o.deleted(t), p.identities()
	p.flip(ssp, "true")
	p.standAs(fanOutByOperator)
	p.told(p.ssps, "StandingDown")
	if dicer, operator := p.since(writes, o, deletes); len(dicer) > 0 || !slices.Equal(operator, []string{"centos", "rhel10"}) {
		t.Errorf("with its fan-out on, dicer deleted %q and the operator %q; want only the two plain ones, by the operator", dicer, operator)
	}
	delete(made, "rhel10")
	delete(made, "centos")
	if diff := cmp.Diff(made, p.identities()); diff != "" {
		t.Errorf("others than dicer made were taken over (-made +taken over):\n%s", diff)
	}
	p.peace(f, o, ssp, 10*time.Second)
	p.editsAreTheOperators(f, o, ssp)

	writes, deletes = p.writes(p.golden), o.deleted(t)
	p.flip(ssp, "false")
	p.stand("rhel10", "centos", "fedora")
	// Names that others hold are looked at once a minute, and with the SSP.
	p.reconciled(f, ssp)
	p.standAs(fanOutByDicer)
	if dicer, operator := p.since(writes, o, deletes); len(dicer) > 0 || !slices.Equal(operator, []string{"centos-amd64", "centos-s390x", "rhel10-amd64", "rhel10-arm64"}) {
		t.Errorf("with its fan-out off again, dicer deleted %q and the operator %q; want the four that it had taken over, by the operator", dicer, operator)
	}
	p.peace(f, o, ssp, 10*time.Second)
	p.neverForbidden(f)
}

// editsAreTheOperators edits a template whose DataImportCrons the operator has
// taken over: it replaces each once, dicer does nothing.
func (p *place) editsAreTheOperators(f *cluster.Fanout, o *operator, ssp *unstructured.Unstructured) {
	p.t.Helper()
	writes, deletes, before := p.writes(p.golden), o.deleted(p.t), p.identities()
	templates, _, _ := unstructured.NestedSlice(stored(p.t, ssp).Object, "spec", "commonTemplates", "dataImportCronTemplates")
	edited := set(&unstructured.Unstructured{Object: templates[0].(map[string]any)}, "1 1 * * *", "spec", "schedule")
	templates[0] = edited.Object
	patch, err := json.Marshal(set(&unstructured.Unstructured{Object: map[string]any{}}, templates, "spec", "commonTemplates", "dataImportCronTemplates").Object)
	if err != nil {
		p.t.Fatal(err)
	}
	p.patch(ssp, string(patch))
	p.eventually(func() error {
		now := p.identities()
		for _, name := range []string{"rhel10-amd64", "rhel10-arm64"} {
			if now[name] == "" || now[name] == before[name] {
				return errors.New(name + " is not made anew")
			}
		}
		return nil
	})
	p.peace(f, o, ssp, 5*time.Second)
	if dicer, operator := p.since(writes, o, deletes); len(dicer) > 0 || !slices.Equal(operator, []string{"rhel10-amd64", "rhel10-arm64"}) {
		p.t.Errorf("after an edit dicer deleted %q and the operator %q; want its own two, by the operator", dicer, operator)
	}
	if added := p.writes(p.golden)[len(writes):]; len(added) > 0 {
		p.t.Errorf("dicer wrote %q to what the operator has", added)
	}
}
