package e2e

import (
	"fmt"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// admitAll makes a place as it is while no webhook is installed, which would
// reject most of what somebody does here. object stands in it.
func (p *place) admitAll(object *unstructured.Unstructured) {
	p.t.Helper()
	p.patch(namespaceObject(p.golden), `{"metadata":{"labels":{"dicer.dev/admission":"ignore"}}}`)
	wrong := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"labels":{%q:"s390x"}}}`, archKey))
	p.eventually(func() error { return env.Client.Patch(p.t.Context(), object.DeepCopy(), wrong, client.DryRunAll) })
}

func TestFanoutSetsRightWhatSomebodyChanges(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	ssp := p.ssp("ssp", scheduled("a", "amd64", 1, ", labels: {mine: x}"))
	before := p.stand("a-amd64")
	p.admitAll(before["a-amd64"])
	want := before["a-amd64"].GetLabels()
	hash := before["a-amd64"].GetAnnotations()[hashKey]
	for name, patch := range map[string]string{
		"architecture label changed": `{"metadata":{"labels":{"` + archKey + `":"arm64"}}}`,
		"architecture label removed": `{"metadata":{"labels":{"` + archKey + `":null}}}`,
		"base label changed":         `{"metadata":{"labels":{"` + baseKey + `":"other"}}}`,
		"the template's removed":     `{"metadata":{"labels":{"mine":null}}}`,
		"template's name changed":    `{"metadata":{"annotations":{"dicer.dev/template":"other"}}}`,
		"recorded keys removed":      `{"metadata":{"annotations":{"dicer.dev/metadata-keys":null}}}`,
		"several at once":            `{"metadata":{"labels":{"` + archKey + `":"s390x","mine":"y"}}}`,
	} {
		p.patch(before["a-amd64"], patch)
		p.eventually(func() error {
			now := p.crons(p.golden)["a-amd64"]
			if now == nil || fmt.Sprint(now.GetLabels()) != fmt.Sprint(want) || now.GetAnnotations()[hashKey] != hash ||
				now.GetAnnotations()["dicer.dev/template"] != "a" || now.GetAnnotations()["dicer.dev/metadata-keys"] == "" {
				return fmt.Errorf("%s: not set right: %v", name, now)
			}
			return nil
		})
	}
	p.reconciled(f, ssp)
	p.sameAs(before)
	p.askedNoWebhook()
}

// TestFanoutFightsNobody: somebody who undoes each repair at once, for longer
// than a test takes in real life, is set right a few times only.
func TestFanoutFightsNobody(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", scheduled("a", "amd64", 1, ""), scheduled("b", "amd64", 1, ""))
	before := p.stand("a-amd64", "b-amd64")
	p.admitAll(before["a-amd64"])
	writes := len(p.writes(p.golden))
	foreign, contested, start := 0, 0.0, time.Now()
	for tick := time.NewTicker(50 * time.Millisecond); foreign < 100 || time.Since(start) < 8*time.Second; <-tick.C {
		p.patch(before["a-amd64"], fmt.Sprintf(`{"metadata":{"labels":{%q:"arm64","tick":"%d"}}}`, archKey, foreign))
		foreign++
		if time.Since(start) > time.Minute {
			t.Fatalf("somebody wrote %d times in a minute: no fight", foreign)
		}
		// It is 0 again once the contest is over.
		contested = max(contested, p.value(f, "dicer_fanout_failed", map[string]string{"reason": "Contested"}))
	}
	// The pauses double from 1 s on: after 0, 1, 3 and 7 s; and one that met
	// another state of the object, each time.
	made := p.writes(p.golden)[writes:]
	took := time.Since(start)
	if most := 2 * (1 + int(math.Log2(1+took.Seconds()))); len(made) > most {
		t.Errorf("%d writes against %d in %s: %q; want %d at most", len(made), foreign, took, made, most)
	} else {
		t.Logf("%d writes against %d in %s", len(made), foreign, took)
	}
	if e := p.told(p.ssps, "Contested", "a-amd64"); e.Type != "Warning" {
		t.Errorf("the event is %s", e.Type)
	}
	if contested != 1 {
		t.Errorf("contested: %v; want 1", contested)
	}
	// Others are not held back, and in the end it is right.
	ssp := p.ssp("ssp", scheduled("a", "amd64", 1, ""), scheduled("b", "amd64", 1, ", labels: {new: x}"))
	p.eventually(func() error {
		if p.crons(p.golden)["b-amd64"].GetLabels()["new"] != "x" {
			return fmt.Errorf("b-amd64 is held back")
		}
		return nil
	})
	p.eventually(func() error {
		if got := p.crons(p.golden)["a-amd64"].GetLabels()[archKey]; got != "amd64" {
			return fmt.Errorf("the label is %q still", got)
		}
		return nil
	})
	p.reconciled(f, ssp)
	p.sameAs(before)
}

func TestFanoutMakesAgainWhatSomebodyDeletes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "--recreate-delay=2s")
	f := p.start()
	p.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""))
	before := p.stand("a-amd64", "a-arm64")
	kubectlDelete := func(cron *unstructured.Unstructured) {
		if _, _, err := env.Kubectl(t.Context(), "", "delete", "dataimportcron", "-n", p.golden, cron.GetName()); err != nil {
			t.Fatal(err)
		}
	}
	kubectlDelete(before["a-amd64"])
	now := p.replaced(before, "a-amd64")
	if pauses := p.pauses("a-amd64"); len(pauses) != 1 || pauses[0] < 2*time.Second {
		t.Errorf("created %v after it was deleted; want once, after 2s", pauses)
	}
	// Again: later, and told.
	kubectlDelete(now["a-amd64"])
	p.told(p.ssps, "Contested", "a-amd64", "somebody keeps deleting it")
	p.replaced(now, "a-amd64")
	if pauses := p.pauses("a-amd64"); len(pauses) != 2 || pauses[1] < 4*time.Second {
		t.Errorf("created %v after it was deleted; want twice, then after 4s", pauses)
	}
	if got := p.deletes(); got != 0 || p.value(f, "dicer_fanout_deleted_total", nil) != 0 {
		t.Errorf("the controller deleted %d times", got)
	}
}
