package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestFanoutKeepsWhatATemplateLeftInItsOldNamespace(t *testing.T) {
	t.Parallel()
	moved := func(to, list string) string {
		return template("rhel10", list, "rhel10", fmt.Sprintf(", namespace: %q", to))
	}
	for name, tc := range map[string]struct {
		suffix, list, told string
		text               []string
	}{
		"to one that dicer does not write to":        {suffix: "-typo", list: "amd64,arm64", told: "NamespaceNotAllowed", text: []string{"-typo", "--target-namespaces"}},
		"to one that it does, with a list all wrong": {suffix: "-moved", list: "arn64,x86_64", told: "InvalidList", text: []string{"arn64", "x86_64"}},
		"to one that it does, with a list half true": {suffix: "-moved", list: "amd64,arn64", told: "InvalidList", text: []string{"arn64"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, templatesAll)
			p.namespace(p.golden+"-moved", nil)
			p.grant(p.golden + "-moved")
			f := p.start("--target-namespaces=" + p.golden + "-moved")
			p.ssp("ssp", two)
			before := p.stand("rhel10-amd64", "rhel10-arm64")
			p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
			source := p.list(p.golden, "DataSource")["rhel10"]
			ssp := p.ssp("ssp", moved(p.golden+tc.suffix, tc.list))
			p.told(p.ssps, tc.told, tc.text...)
			p.told(p.ssps, "Kept", p.golden+"/rhel10-amd64", p.golden+"/rhel10-arm64", "DataSource "+p.golden+"/rhel10")
			p.lookedTwice(f, ssp)
			p.identical(before["rhel10-amd64"], before["rhel10-arm64"], source)
			p.noDeletes()
			// Once it is right, what it left goes.
			p.ssp("ssp", moved(p.golden+"-moved", "amd64"))
			p.stand()
			p.eventually(func() error { return p.only("DataSource") })
			if found := p.crons(p.golden + "-moved"); len(found) != 1 || found["rhel10-amd64"] == nil {
				t.Errorf("%d stand in the new namespace; want rhel10-amd64", len(found))
			}
		})
	}
}

func TestFanoutPointsNowhereElseWhileTheListIsWrong(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	f := p.start()
	p.ssp("ssp", template("rhel10", "arm64,amd64", "rhel10", ""))
	p.stand("rhel10-amd64", "rhel10-arm64")
	p.eventually(func() error { return p.points("rhel10", "rhel10-arm64") })
	before := p.writes(p.golden)
	wrong := p.ssp("ssp", template("rhel10", "arn64,amd64", "rhel10", ""))
	p.told(p.ssps, "Kept", "DataSource "+p.golden+"/rhel10", "does not point elsewhere", "its list is wrong")
	p.lookedTwice(f, wrong)
	if err := p.points("rhel10", "rhel10-arm64"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, p.writes(p.golden)); diff != "" {
		t.Errorf("writes (-before +after):\n%s", diff)
	}
	p.ssp("ssp", template("rhel10", "amd64", "rhel10", ""))
	p.stand("rhel10-amd64")
	p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
}

func TestFanoutTriesNothingForAPlainTemplateThatDeclaresAnArchitecture(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	f := p.start()
	p.ssp("ssp", template("plain", "", "plain", labels(archKey, "arm64")))
	p.warned("ssp", "InvalidTemplate", "plain", `architecture: "arm64"`, "only a list can")
	p.idle(f)
	before := p.value(f, reconciles, nil)
	// The first retries of a refused write come after 1 and 2 s.
	time.Sleep(4 * time.Second)
	if got := p.value(f, reconciles, nil) - before; got > 0 {
		t.Errorf("%v reconciles without a reason", got)
	}
	if got := p.requests(); got > 0 {
		t.Errorf("%d requests that write, dry runs counted; want none", got)
	}
	p.shows(f, "dicer_fanout_failed", map[string]string{"reason": "InvalidTemplate"}, 1)
}

// rivals makes SSPs a, which has rhel10's, and b, which asks for them with
// another spec.
func (p *place) rivals() (before map[string]*unstructured.Unstructured, b *unstructured.Unstructured) {
	p.t.Helper()
	a := p.ssp("a", scheduled("rhel10", "amd64,arm64", 1, ""))
	p.nextSecond(a)
	before = p.stand("rhel10-amd64", "rhel10-arm64")
	b = p.ssp("b", scheduled("rhel10", "amd64,arm64", 2, ""))
	p.warned("b", "OwnedByAnotherSSP", "rhel10-amd64", p.ssps+"/a")
	return before, b
}

func TestFanoutKeepsTheDataImportCronsOfAnSSPThatIsPutBackAtOnce(t *testing.T) {
	t.Parallel()
	// Long enough for the test to put it back in time on a machine that is busy.
	const delay = 20 * time.Second
	p := newPlace(t, fmt.Sprintf("--recreate-delay=%s", delay))
	f := p.start()
	before, b := p.rivals()
	for range 2 {
		manifest := ssp("a", scheduled("rhel10", "amd64,arm64", 1, ""))
		manifest.SetNamespace(p.ssps)
		old := stored(t, manifest)
		p.delete(old)
		// Not sooner than b has been looked at.
		p.reconciled(f, b)
		p.put(manifest)
		if manifest.GetUID() == old.GetUID() {
			t.Fatal("it is the old SSP")
		}
		p.belong(manifest)
		p.lookedTwice(f, b)
		p.lookedTwice(f, manifest)
		p.sameAs(before)
	}
	// Nor later: b waits for longer than a was away.
	time.Sleep(delay + time.Second)
	p.lookedTwice(f, b)
	p.sameAs(before)
	p.noDeletes()
}

func TestFanoutGivesNobodyWhatAPausedSSPHas(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	_, b := p.rivals()
	manifest := ssp("a", scheduled("other", "amd64", 1, ""))
	manifest.SetNamespace(p.ssps)
	a := stored(t, manifest)
	p.patch(a, `{"metadata":{"annotations":{"kubevirt.io/operator.paused":"true"}}}`)
	p.told(p.ssps, "Paused", "kubevirt.io/operator.paused")
	before := p.stand("rhel10-amd64", "rhel10-arm64")
	manifest.SetAnnotations(map[string]string{"kubevirt.io/operator.paused": "true"})
	p.put(manifest)
	p.lookedTwice(f, manifest)
	p.lookedTwice(f, b)
	p.identical(before["rhel10-amd64"], before["rhel10-arm64"])
	p.noDeletes()
	f.Kill()
	f = p.start()
	p.lookedTwice(f, b)
	p.identical(before["rhel10-amd64"], before["rhel10-arm64"])
	// Not paused any more, it gives them up.
	p.patch(manifest, `{"metadata":{"annotations":{"kubevirt.io/operator.paused":null}}}`)
	p.eventually(func() error {
		now := p.stand("other-amd64", "rhel10-amd64", "rhel10-arm64")
		if minuteOf(now["rhel10-amd64"]) != "2" || minuteOf(now["rhel10-arm64"]) != "2" {
			return fmt.Errorf("b does not have them yet")
		}
		return nil
	})
}

func TestFanoutDoesNotFightForADataSource(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	f := p.start()
	p.ssp("ssp", template("rhel10", "amd64", "rhel10", ""))
	p.stand("rhel10-amd64")
	p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
	source := p.list(p.golden, "DataSource")["rhel10"]
	before := len(p.writes(p.golden))
	end := time.Now().Add(5 * time.Second)
	deleted, contested := 0, 0.0
	for tick := time.NewTicker(50 * time.Millisecond); time.Now().Before(end); <-tick.C {
		// It is 0 again once the contest is over.
		contested = max(contested, p.value(f, "dicer_fanout_failed", map[string]string{"reason": "Contested"}))
		err := env.Client.Delete(t.Context(), source.DeepCopy())
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		if err == nil {
			deleted++
		}
	}
	writes := p.writes(p.golden)[before:]
	// The pauses double from 1 s on: after 1, 3 and 7 s.
	if len(writes) > 3 || strings.Count(strings.Join(writes, "\n"), "create datasources/rhel10 201") != len(writes) {
		t.Errorf("writes %q against %d deletions in 5 s; want 3 creations at most", writes, deleted)
	}
	if deleted < 2 {
		t.Errorf("deleted %d times: the case shows nothing", deleted)
	}
	p.warned("ssp", "Contested", "DataSource "+p.golden+"/rhel10", "somebody keeps deleting it")
	if contested != 1 {
		t.Errorf("contested: %v; want 1", contested)
	}
	p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
}
