package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFanoutMakesTheSeedCase(t *testing.T) {
	p := newPlace(t)
	f := p.start()
	ssp := example(t, "ssp-rhel10.yaml")
	ssp.SetNamespace(p.ssps)
	p.put(ssp)
	for name, made := range p.stand("rhel10-image-cron-amd64", "rhel10-image-cron-arm64") {
		want := example(t, "dic-rhel10-"+name[len(name)-len("amd64"):]+".yaml")
		want.SetNamespace(p.golden)
		if diff := cmp.Diff(want.Object, without(made)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	p.told(p.ssps, "Created", "rhel10-image-cron-amd64", "rhel10-image-cron-arm64")
	before := p.writes(p.golden)
	p.reconciled(f, ssp)
	if diff := cmp.Diff(before, p.writes(p.golden)); diff != "" {
		t.Errorf("a reconcile without a change wrote (-before +after):\n%s", diff)
	}
	for metric, want := range map[string]float64{"dicer_fanout_wanted": 2, "dicer_fanout_present": 2, "dicer_fanout_failed": 0, "dicer_fanout_created_total": 2, "dicer_fanout_deleted_total": 0} {
		p.shows(f, metric, nil, want)
	}
	for _, e := range auditEvents(t, "rhel10-image-cron-") {
		if called := e.calledWebhooks(); e.ObjectRef.Namespace == p.golden && len(called) > 0 {
			t.Errorf("%s of %s by %s reached %q", e.Verb, e.ObjectRef.Name, e.User.Username, called)
		}
	}
	p.delete(ssp)
	p.stand()
}
