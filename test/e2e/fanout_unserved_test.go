package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/cluster"
)

// many makes SSPs of one template each, and returns the names of what they ask
// for.
func (p *place) many(n int) (ssps []*unstructured.Unstructured, names []string) {
	for i := range n {
		name := fmt.Sprintf("image-%02d", i)
		ssps = append(ssps, p.ssp(name, template(name, "amd64", name, "")))
		names = append(names, name+"-amd64")
	}
	return ssps, names
}

// Not parallel: every SSP of the cluster is out of sight for a while.
func TestFanoutKeepsWhatStandsWhileSSPsAreNotServed(t *testing.T) {
	p := newPlace(t)
	ssps, names := p.many(3)
	p.serve(false)
	t.Cleanup(func() { p.serve(true) })
	f := p.start()
	p.logged(f, "waiting for CRDs")
	p.serve(true)
	standing := p.stand(names...)
	before := uids(standing)
	for round, restarted := range []bool{false, true} {
		p.serve(false)
		if restarted {
			f.Kill()
			f = p.start()
			p.logged(f, "waiting for CRDs")
		}
		// The absence of deletes is the point: the versions that are served are
		// looked up every 15 s, and each of these patches causes a reconcile.
		for i := range 18 {
			p.patch(standing[ssps[i%len(ssps)].GetName()+"-amd64"], fmt.Sprintf(`{"metadata":{"annotations":{"e2e/woken":"%d-%d"}}}`, round, i))
			time.Sleep(time.Second)
		}
		p.sameUIDs(before, p.crons(p.golden))
		p.serve(true)
		added := fmt.Sprintf("added-%d", round)
		old := ssps[round].GetName()
		p.ssp(old, template(old, "amd64", old, ""), template(added, "arm64", added, ""))
		names = append(names, added+"-arm64")
		now := p.stand(names...)
		before[added+"-arm64"] = now[added+"-arm64"].GetUID()
		p.sameUIDs(before, now)
	}
	p.noDeletes()
	// It deletes what it should, still.
	p.ssp(ssps[0].GetName())
	p.stand("image-01-amd64", "added-1-arm64", "image-02-amd64")
}

// deletions is how often the CRD is deleted: its SSPs go first, one by one,
// while it is still served, and each might look like one that somebody deleted.
const deletions = 4

// Not parallel: it deletes every SSP of the cluster, and restores them.
func TestFanoutKeepsWhatStandsWhenTheSSPCRDIsDeletedAndRestored(t *testing.T) {
	p := newPlace(t)
	p.restoreSSPs()
	ssps, names := p.many(20)
	f := p.start()
	before := uids(p.stand(names...))
	for round := range deletions {
		p.uninstall()
		if round == deletions-1 {
			f.Kill()
			f = p.start()
			p.logged(f, "waiting for CRDs")
		}
		// Time to look, and to look again after --recreate-delay.
		time.Sleep(3 * time.Second)
		p.sameUIDs(before, p.crons(p.golden))
		p.install()
		// Whoever restores a cluster brings the CRDs first.
		time.Sleep(3 * time.Second)
		p.sameUIDs(before, p.crons(p.golden))
		for i, ssp := range ssps {
			ssps[i] = p.ssp(ssp.GetName(), template(ssp.GetName(), "amd64", ssp.GetName(), ""))
		}
		p.eventually(func() error {
			found := p.crons(p.golden)
			for _, ssp := range ssps {
				if object := found[ssp.GetName()+"-amd64"]; object == nil || object.GetAnnotations()["dicer.dev/ssp-uid"] != string(ssp.GetUID()) {
					return fmt.Errorf("%s is not adopted", ssp.GetName())
				}
			}
			return nil
		})
		p.sameUIDs(before, p.stand(names...))
		p.noDeletes()
	}
	p.ssp(ssps[0].GetName(), template("edited", "arm64", "edited", ""))
	p.stand(append([]string{"edited-arm64"}, names[1:]...)...) // names are sorted
}

// logged waits for a line in a controller's log.
func (p *place) logged(f *cluster.Fanout, text string) {
	p.t.Helper()
	p.eventually(func() error {
		log, err := f.Logs()
		if err == nil && !strings.Contains(log, text) {
			err = fmt.Errorf("nothing of %q in the log", text)
		}
		return err
	})
}
