package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// belong waits until all DataImportCrons are recorded as an SSP's.
func (p *place) belong(owner *unstructured.Unstructured) {
	p.t.Helper()
	p.eventually(func() error {
		for name, object := range p.crons(p.golden) {
			annotations := object.GetAnnotations()
			if got, want := annotations["dicer.dev/ssp"], p.ssps+"/"+owner.GetName(); got != want {
				return fmt.Errorf("%s belongs to SSP %s; want %s", name, got, want)
			}
			if got, want := annotations["dicer.dev/ssp-uid"], string(owner.GetUID()); got != want {
				return fmt.Errorf("%s belongs to the SSP with UID %s; want %s", name, got, want)
			}
		}
		return nil
	})
}

// gone waits until an object is not there.
func (p *place) gone(object *unstructured.Unstructured) {
	p.t.Helper()
	p.eventually(func() error {
		err := env.Client.Get(p.t.Context(), client.ObjectKeyFromObject(object), object.DeepCopy())
		if err == nil {
			return fmt.Errorf("%s is there", object.GetName())
		}
		return client.IgnoreNotFound(err)
	})
}

// nextSecond waits until an object created now is younger than this one:
// Kubernetes counts in seconds.
func (p *place) nextSecond(object *unstructured.Unstructured) {
	p.t.Helper()
	p.eventually(func() error {
		if time.Since(object.GetCreationTimestamp().Time) < time.Second {
			return fmt.Errorf("the second of %s is not over", object.GetCreationTimestamp())
		}
		return nil
	})
}

var two = template("rhel10", "amd64,arm64", "rhel10", "")

func TestFanoutDeletesWhatAnSSPLeftWhileTheControllerWasDown(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*place, *cluster.Fanout){
		"SIGKILL": func(_ *place, f *cluster.Fanout) { f.Kill() },
		"SIGTERM": func(p *place, f *cluster.Fanout) { p.stop(f) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			f := p.start()
			left, kept := p.ssp("left", two), p.ssp("kept", template("fedora", "s390x", "fedora", ""))
			standing := p.stand("fedora-s390x", "rhel10-amd64", "rhel10-arm64")
			end(p, f)
			p.delete(left)
			p.gone(left)
			f = p.start()
			p.sameUIDs(uids(map[string]*unstructured.Unstructured{"fedora-s390x": standing["fedora-s390x"]}), p.stand("fedora-s390x"))
			p.lookedTwice(f, kept)
			p.stand("fedora-s390x")
		})
	}
}

func TestFanoutAdoptsForAnSSPThatIsRestoredUnderANewUID(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	old := p.ssp("ssp", two)
	before := uids(p.stand("rhel10-amd64", "rhel10-arm64"))
	f.Kill()
	p.delete(old)
	p.gone(old)
	restored := p.ssp("ssp", two)
	if restored.GetUID() == old.GetUID() {
		t.Fatal("the SSP has its old UID")
	}
	f = p.start()
	p.belong(restored)
	p.lookedTwice(f, restored)
	p.sameUIDs(before, p.stand("rhel10-amd64", "rhel10-arm64"))
	p.noDeletes()
}

func TestFanoutKeepsWhatStandsWhenAnSSPIsRenamed(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"while the controller runs": false, "while the controller is down": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, templatesAll)
			f := p.start()
			old := p.ssp("old", two)
			before := uids(p.stand("rhel10-amd64", "rhel10-arm64"))
			p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
			source := uids(p.list(p.golden, "DataSource"))
			if down {
				f.Kill()
			}
			renamed := p.ssp("new", two)
			if !down {
				p.warned("new", "OwnedByAnotherSSP", p.ssps+"/old")
			}
			p.delete(old)
			if down {
				p.gone(old)
				f = p.start()
			}
			p.belong(renamed)
			p.lookedTwice(f, renamed)
			p.sameUIDs(before, p.stand("rhel10-amd64", "rhel10-arm64"))
			p.sameUIDs(source, p.list(p.golden, "DataSource"))
			p.noDeletes()
		})
	}
}

// warned waits for a Warning event on an SSP whose note has all these texts.
func (p *place) warned(ssp, reason string, texts ...string) {
	p.t.Helper()
	p.eventually(func() error {
		var seen []string
		for _, e := range p.events(p.ssps) {
			if e.Regarding.Name != ssp {
				continue
			}
			missing := slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(e.Note, text) })
			if e.Reason == reason && e.Type == "Warning" && !missing {
				return nil
			}
			seen = append(seen, e.Type+" "+e.Reason+": "+e.Note)
		}
		return fmt.Errorf("no event %s on SSP %s with %q in:\n%s", reason, ssp, texts, strings.Join(seen, "\n"))
	})
}

func TestFanoutLeavesWhatTwoSSPsWantToTheOlder(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"both before the controller starts": true, "one after the other": false} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			var f *cluster.Fanout
			if !early {
				f = p.start()
			}
			older := p.ssp("z-older", two)
			p.nextSecond(older)
			newer := p.ssp("a-newer", two, template("fedora", "amd64", "fedora", ""))
			if early {
				f = p.start()
			}
			standing := p.stand("fedora-amd64", "rhel10-amd64", "rhel10-arm64")
			p.warned("a-newer", "OwnedByAnotherSSP", p.ssps+"/z-older", "rhel10-amd64", "rhel10-arm64")
			for range 2 {
				p.lookedTwice(f, newer)
				p.lookedTwice(f, older)
			}
			p.identical(standing["rhel10-amd64"], standing["rhel10-arm64"])
			if got := standing["rhel10-amd64"].GetAnnotations()["dicer.dev/ssp"]; got != p.ssps+"/z-older" {
				t.Errorf("it belongs to %s", got)
			}
			p.ssp("z-older")
			now := p.stand("fedora-amd64", "rhel10-amd64", "rhel10-arm64")
			p.belong(newer)
			p.sameUIDs(uids(standing), now)
			p.noDeletes()
		})
	}
}

func TestFanoutMakesAnewForTheNewerSSPWhereItsSpecIsAnother(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.start()
	older := p.ssp("z-older", two)
	p.nextSecond(older)
	p.stand("rhel10-amd64", "rhel10-arm64")
	newer := p.ssp("a-newer", template("rhel10", "amd64,arm64", "other", ""))
	p.warned("a-newer", "OwnedByAnotherSSP", "rhel10-amd64")
	p.delete(older)
	p.eventually(func() error {
		found := p.crons(p.golden)
		for _, name := range []string{"rhel10-amd64", "rhel10-arm64"} {
			if found[name] == nil || found[name].GetLabels()[baseKey] != "other" {
				return fmt.Errorf("%s is not the newer's", name)
			}
		}
		return nil
	})
	p.belong(newer)
}

func TestFanoutDeletesNothingBeforeTheSSPIsGone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	ssp := p.ssp("ssp", two, template("fedora", "amd64", "fedora", ""))
	p.patch(ssp, `{"metadata":{"finalizers":["e2e/hold"]}}`)
	all := []string{"fedora-amd64", "rhel10-amd64", "rhel10-arm64"}
	before := uids(p.stand(all...))
	p.delete(ssp)
	// Not even what is edited out of it: its operator is at work.
	p.patch(ssp, `{"spec":{"commonTemplates":{"dataImportCronTemplates":[]}}}`)
	p.lookedTwice(f, ssp)
	p.sameUIDs(before, p.stand(all...))
	f.Kill()
	f = p.start()
	p.lookedTwice(f, ssp)
	p.sameUIDs(before, p.stand(all...))
	p.noDeletes()
	p.patch(ssp, `{"metadata":{"finalizers":null}}`)
	p.stand()
}
