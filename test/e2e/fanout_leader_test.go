package e2e

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/cluster"
)

// elect has the place's controllers elect a leader in a namespace of their own.
func (p *place) elect() {
	p.t.Helper()
	namespace := p.golden + "-lease"
	p.namespace(namespace, nil)
	manifests, err := env.Manifests(p.t.Context(), fanoutManifests)
	if err != nil {
		p.t.Fatal(err)
	}
	var own []*unstructured.Unstructured
	for _, m := range manifests {
		if m.GetNamespace() == "dicer-system" && strings.HasPrefix(m.GetKind(), "Role") {
			m.SetNamespace(namespace)
			own = append(own, m)
		}
	}
	if err := env.Apply(p.t.Context(), own); err != nil {
		p.t.Fatal(err)
	}
	p.args = append(p.args, "--leader-elect=true", "--leader-elect-resource-namespace="+namespace,
		"--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s", "--leader-elect-retry-period=500ms", "--recreate-delay=200ms")
}

// leads tells whether a controller is the leader; one that does not answer is
// not.
func (p *place) leads(f *cluster.Fanout) bool {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Second)
	defer cancel()
	value, err := f.Value(ctx, "leader_election_master_status", nil)
	return err == nil && value == 1
}

// wrote counts the writes of one controller, refused ones too.
func (p *place) wrote(f *cluster.Fanout) float64 {
	p.t.Helper()
	var n float64
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		n += p.value(f, "rest_client_requests_total", map[string]string{"method": method})
	}
	return n
}

// churn is an SSP whose templates change all the time.
type churn struct {
	*place
	schedules [8]int
	edits     int
}

// until edits two templates at a time, so that all four of their
// DataImportCrons have to be replaced, until a condition is met.
func (c *churn) until(what string, condition func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("gave up waiting until %s", what)
		}
		for range 2 {
			c.schedules[c.edits%len(c.schedules)]++
			c.edits++
		}
		c.write()
	}
}

func (c *churn) write() {
	c.t.Helper()
	var templates []string
	for i, n := range c.schedules {
		base := fmt.Sprintf("t%d", i)
		templates = append(templates, templateOf(base, "amd64,arm64", strings.Replace(spec(base, registry), "4 8/12", fmt.Sprintf("%d %d", n%60, n/60), 1), ""))
	}
	c.ssp("ssp", templates...)
}

// settled waits until everything stands as the last edit has it.
func (c *churn) settled() {
	c.t.Helper()
	c.write()
	c.eventually(func() error {
		have := c.crons(c.golden)
		for i, n := range c.schedules {
			for _, a := range []string{"amd64", "arm64"} {
				name := fmt.Sprintf("t%d-%s", i, a)
				if have[name] == nil || have[name].GetDeletionTimestamp() != nil {
					return fmt.Errorf("%s does not stand", name)
				}
				if got, _, _ := unstructured.NestedString(have[name].Object, "spec", "schedule"); got != fmt.Sprintf("%d %d * * *", n%60, n/60) {
					return fmt.Errorf("%s has schedule %q; want that of edit %d", name, got, n)
				}
			}
		}
		if len(have) != 2*len(c.schedules) {
			return fmt.Errorf("%d stand; want %d", len(have), 2*len(c.schedules))
		}
		return nil
	})
}

// history fails where one DataImportCron was deleted twice, or created where
// one stood: of each name, creations and deletions alternate. A finalizer holds
// them for a while, so a second deletion would be answered 200 as well. What
// became of a request whose client was killed is not known.
func (p *place) history() (creates, deletes int) {
	p.t.Helper()
	last := map[string]string{}
	for _, write := range p.writes(p.golden) {
		verb, object, _ := strings.Cut(write, " ")
		name, code, _ := strings.Cut(object, " ")
		switch {
		case verb == "create" && code == "201":
			creates++
		case verb == "delete" && code == "200":
			deletes++
		case strings.HasPrefix(code, "4"):
			continue
		default:
			last[name] = "?"
			continue
		}
		if last[name] == verb || last[name] == "" && verb == "delete" {
			p.t.Errorf("%s: %s after %q in %q", name, verb, last[name], p.writes(p.golden))
		}
		last[name] = verb
	}
	return creates, deletes
}

func TestFanoutFailsOverWithoutDeletingTwice(t *testing.T) {
	for name, end := range map[string]func(c *churn, leader, standby *cluster.Fanout){
		"when the leader is stopped": func(c *churn, leader, standby *cluster.Fanout) {
			began := time.Now()
			c.stop(leader)
			c.t.Logf("stopping took %s", time.Since(began).Round(100*time.Millisecond))
		},
		"when the leader is killed": func(c *churn, leader, standby *cluster.Fanout) {
			leader.Kill()
		},
		"when the leader is held past its Lease": func(c *churn, leader, standby *cluster.Fanout) {
			if err := leader.Signal(syscall.SIGSTOP); err != nil {
				c.t.Fatal(err)
			}
			c.until("the other works", func() bool { return c.value(standby, "dicer_fanout_deleted_total", nil) >= 5 })
			if err := leader.Signal(syscall.SIGCONT); err != nil {
				c.t.Fatal(err)
			}
			began := time.Now()
			c.until("it has ended", func() bool {
				_, err := leader.Value(c.t.Context(), "leader_election_master_status", nil)
				return errors.Is(err, syscall.ECONNREFUSED)
			})
			// It could have two leaders write for as long.
			if took := time.Since(began); took > 5*time.Second {
				c.t.Errorf("it went on for %s without the Lease", took)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &churn{place: newPlace(t)}
			c.elect()
			c.imports()
			leader, all := c.start(), []*cluster.Fanout(nil)
			c.eventually(func() error {
				if !c.leads(leader) {
					return errors.New("it does not lead")
				}
				return nil
			})
			n := longer(t, "DICER_FAILOVERS", 1, strconv.Atoi)
			for range n {
				standby := c.start()
				all = append(all, leader, standby)
				c.failOver(leader, standby, end)
				leader = standby
			}
			c.settled()
			creates, deletes := c.history()
			t.Logf("figures: %d writes of fan-out's, %d creates, %d deletes, none twice: %d fail-overs %s, %d edits", creates+deletes, creates, deletes, n, name, c.edits)
			c.neverForbidden(all...)
		})
	}
}

// failOver ends the leader one way or another, while it works, and waits until the
// other works.
func (c *churn) failOver(leader, standby *cluster.Fanout, end func(c *churn, leader, standby *cluster.Fanout)) {
	c.t.Helper()
	c.until("the leader works", func() bool { return c.value(leader, "dicer_fanout_deleted_total", nil) >= 5 })
	if n := c.wrote(standby); n > 0 || c.leads(standby) {
		c.t.Errorf("the controller that waits has made %v writes; want 0", n)
	}
	began := time.Now()
	end(c, leader, standby)
	c.until("the other leads", func() bool { return c.leads(standby) })
	c.t.Logf("the other leads after %s", time.Since(began).Round(100*time.Millisecond))
	c.until("the other works", func() bool { return c.value(standby, "dicer_fanout_deleted_total", nil) >= 5 })
}
