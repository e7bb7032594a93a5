package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const hashKey = "dicer.dev/spec-hash"

// scheduled writes a template whose spec differs by the schedule's minute.
func scheduled(name, list string, minute int, more string) string {
	spec := fmt.Sprintf(`{managedDataSource: %q, schedule: "%d 8/12 * * *", template: {spec: {source: {%s}, storage: {resources: {requests: {storage: 30Gi}}}}}}`, name, minute, registry)
	return templateOf(name, list, spec, more)
}

// replaced waits until exactly the DataImportCrons of before stand, these of
// them as other objects.
func (p *place) replaced(before map[string]*unstructured.Unstructured, names ...string) map[string]*unstructured.Unstructured {
	p.t.Helper()
	var now map[string]*unstructured.Unstructured
	p.eventually(func() error {
		now = p.stand(slices.Collect(maps.Keys(before))...)
		for _, name := range names {
			if now[name].GetUID() == before[name].GetUID() {
				return fmt.Errorf("%s is the old one", name)
			}
		}
		return nil
	})
	for name, cron := range before {
		if !slices.Contains(names, name) && now[name].GetUID() != cron.GetUID() {
			p.t.Errorf("%s was replaced", name)
		}
	}
	return now
}

// sameAs fails where an object is another one than before.
func (p *place) sameAs(before map[string]*unstructured.Unstructured) {
	p.t.Helper()
	if diff := cmp.Diff(uids(before), uids(p.crons(p.golden))); diff != "" {
		p.t.Errorf("UIDs (-before +now):\n%s", diff)
	}
}

// deletes counts the controller's DELETE requests in the golden namespace.
func (p *place) deletes() int {
	p.t.Helper()
	return len(slices.DeleteFunc(p.writes(p.golden), func(w string) bool { return !strings.HasPrefix(w, "delete ") }))
}

func minuteOf(cron *unstructured.Unstructured) string {
	schedule, _, _ := unstructured.NestedString(cron.Object, "spec", "schedule")
	minute, _, _ := strings.Cut(schedule, " ")
	return minute
}

func TestFanoutReplacesOnlyWhatWasEdited(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "--recreate-delay=3s")
	wire := newWire(t)
	f := p.start("--kubeconfig=" + wire.kubeconfig)
	p.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""), scheduled("b", "amd64", 1, ""))
	before := p.stand("a-amd64", "a-arm64", "b-amd64")
	ssp := p.ssp("ssp", scheduled("a", "amd64,arm64", 2, ""), scheduled("b", "amd64", 1, ""))
	now := p.replaced(before, "a-amd64", "a-arm64")
	for _, name := range []string{"a-amd64", "a-arm64"} {
		if was, is := before[name].GetAnnotations()[hashKey], now[name].GetAnnotations()[hashKey]; was == is || !strings.HasPrefix(is, "v1:") {
			t.Errorf("%s: hash %q, then %q", name, was, is)
		}
		if minuteOf(now[name]) != "2" {
			t.Errorf("%s has the old spec: %v", name, now[name].Object["spec"])
		}
		// Resolution of the audit log: a microsecond.
		if pauses := p.pauses(name); len(pauses) != 1 || pauses[0] < 3*time.Second {
			t.Errorf("%s was created %v after the old one went; want once, after 3s", name, pauses)
		}
	}
	want := map[string]string{}
	for _, name := range []string{"a-amd64", "a-arm64"} {
		want[name] = fmt.Sprintf("uid %s resourceVersion %s", before[name].GetUID(), before[name].GetResourceVersion())
	}
	if diff := cmp.Diff(want, wire.deleted()); diff != "" {
		t.Errorf("preconditions (-want +got):\n%s", diff)
	}
	p.shows(f, "dicer_fanout_deleted_total", map[string]string{"reason": "replaced"}, 2)
	p.told(p.ssps, "Replacing", "a-amd64", "a-arm64")
	// A new architecture replaces none of the others.
	p.ssp("ssp", scheduled("a", "s390x,amd64,arm64", 2, ""), scheduled("b", "amd64", 1, ""))
	p.stand("a-amd64", "a-arm64", "a-s390x", "b-amd64")
	now["a-s390x"] = p.crons(p.golden)["a-s390x"]
	p.reconciled(f, ssp)
	p.sameAs(now)
	p.askedNoWebhook()
}

// askedNoWebhook fails where a write of the controller reached dicer's webhook.
func (p *place) askedNoWebhook() {
	p.t.Helper()
	for _, e := range auditEvents(p.t, "") {
		if called := e.calledWebhooks(); e.ObjectRef.Namespace == p.golden && e.User.Username == fanoutUser && len(called) > 0 {
			p.t.Errorf("%s of %s reached %q", e.Verb, e.ObjectRef.Name, called)
		}
	}
}

func TestFanoutPatchesMetadataInPlace(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	more := func(changed, last string) string {
		return fmt.Sprintf(", annotations: {%s: amd64, keep: x, change: %q, %s: x}, labels: {keep: x, change: %q, %s: x}", listKey, changed, last, changed, last)
	}
	ssp := p.ssp("ssp", scheduled("a", "", 1, more("1", "gone")))
	before := p.stand("a-amd64")
	// Another writer's, under a name of the template's as well.
	p.patch(before["a-amd64"], `{"metadata":{"labels":{"theirs":"1","later":"1"},"annotations":{"theirs":"1","later":"1"},"finalizers":["e2e/theirs"],
		"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"theirs","uid":"1"}]}}`)
	p.reconciled(f, ssp)
	writes := len(p.writes(p.golden))
	ssp = p.ssp("ssp", scheduled("a", "", 1, more("2", "new")))
	wantLabels := map[string]string{"keep": "x", "change": "2", "new": "x", "theirs": "1", "later": "1",
		archKey: "amd64", baseKey: "a", "app.kubernetes.io/managed-by": "dicer"}
	var now *unstructured.Unstructured
	p.eventually(func() error {
		now = p.crons(p.golden)["a-amd64"]
		if diff := cmp.Diff(wantLabels, now.GetLabels()); diff != "" {
			return fmt.Errorf("labels (-want +got):\n%s", diff)
		}
		return nil
	})
	wantAnnotations := map[string]string{"keep": "x", "change": "2", "new": "x", "theirs": "1", "later": "1"}
	got := maps.Clone(now.GetAnnotations())
	maps.DeleteFunc(got, func(key, _ string) bool { return strings.HasPrefix(key, "dicer.dev/") })
	if diff := cmp.Diff(wantAnnotations, got); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"e2e/theirs"}, now.GetFinalizers()); diff != "" || len(now.GetOwnerReferences()) != 1 {
		t.Errorf("finalizers (-want +got):\n%s\nowners: %v", diff, now.GetOwnerReferences())
	}
	p.reconciled(f, ssp)
	p.sameAs(before)
	if diff := cmp.Diff([]string{"patch dataimportcrons/a-amd64 200"}, p.writes(p.golden)[writes:]); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	// The last of the template's keys goes too, and nobody else's.
	p.ssp("ssp", scheduled("a", "amd64", 1, ""))
	p.eventually(func() error {
		want := map[string]string{"theirs": "1", "later": "1", archKey: "amd64", baseKey: "a", "app.kubernetes.io/managed-by": "dicer"}
		if diff := cmp.Diff(want, p.crons(p.golden)["a-amd64"].GetLabels()); diff != "" {
			return fmt.Errorf("labels (-want +got):\n%s", diff)
		}
		return nil
	})
	p.sameAs(before)
	p.patch(before["a-amd64"], `{"metadata":{"finalizers":null}}`)
}

func TestFanoutWaitsForAFinalizerWithoutHoldingBackOthers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""), scheduled("b", "amd64", 1, ""))
	before := p.stand("a-amd64", "a-arm64", "b-amd64")
	p.patch(before["a-amd64"], `{"metadata":{"finalizers":["e2e/held"]}}`)
	p.ssp("ssp", scheduled("a", "amd64,arm64", 2, ""), scheduled("b", "amd64", 2, ""), scheduled("c", "amd64", 1, ""))
	p.eventually(func() error {
		now := p.crons(p.golden)
		held := now["a-amd64"]
		if held == nil || held.GetUID() != before["a-amd64"].GetUID() || held.GetDeletionTimestamp() == nil {
			return fmt.Errorf("a-amd64 is not held back: %v", held)
		}
		for _, name := range []string{"a-arm64", "b-amd64", "c-amd64"} {
			if cron := now[name]; cron == nil || before[name] != nil && cron.GetUID() == before[name].GetUID() {
				return fmt.Errorf("%s is not made anew", name)
			}
		}
		return nil
	})
	p.told(p.ssps, "WaitingForDeletion", "a-amd64", "e2e/held")
	// CDI's own finalizer is on every DataImportCron: nothing has failed.
	p.told(p.ssps, "Replacing", "a-amd64", "a-arm64", "b-amd64")
	for _, e := range p.events(p.ssps) {
		if e.Type == "Warning" {
			t.Errorf("event %s: %s", e.Reason, e.Note)
		}
	}
	p.shows(f, "dicer_fanout_deleted_total", map[string]string{"reason": "replaced"}, 3)
	p.shows(f, "dicer_fanout_present", nil, 3)
	p.patch(before["a-amd64"], `{"metadata":{"finalizers":null}}`)
	now := p.stand("a-amd64", "a-arm64", "b-amd64", "c-amd64")
	if now["a-amd64"].GetUID() == before["a-amd64"].GetUID() || minuteOf(now["a-amd64"]) != "2" {
		t.Errorf("not made anew: %v", now["a-amd64"].Object)
	}
	if got := p.deletes(); got != 3 {
		t.Errorf("%d deletes; want 3", got)
	}
}

func TestFanoutHealsAKillBetweenDeleteAndCreate(t *testing.T) {
	t.Parallel()
	// Long enough for the test to see that neither stands.
	const delay = 10 * time.Second
	p := newPlace(t, fmt.Sprintf("--recreate-delay=%s", delay))
	f := p.start()
	p.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""))
	before := p.stand("a-amd64", "a-arm64")
	p.ssp("ssp", scheduled("a", "amd64,arm64", 2, ""))
	p.stand() // both are deleted, none is created
	f.Kill()
	restarted := metav1.NowMicro()
	f = p.start()
	now := p.replaced(before, "a-amd64", "a-arm64")
	for name := range now {
		if minuteOf(now[name]) != "2" {
			t.Errorf("%s has the old spec", name)
		}
		// The process that died cannot have told when it deleted.
		if pauses := p.pausesSince(name, restarted.Time); len(pauses) != 1 || pauses[0] < delay {
			t.Errorf("%s was created %v after the start; want once, after %s", name, pauses, delay)
		}
	}
	p.shows(f, "dicer_fanout_created_total", nil, 2)
}
