//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	restartsByService = 100
	restartsByURL     = 30
	kills             = 5
	// maxDraining bounds the processes that are there at once.
	maxDraining = 40
	// exitTimeout is more than a replica takes: --shutdown-timeout and the answers
	// of the end.
	exitTimeout = 3 * time.Minute
)

// drains is what became of the replicas that were told to stop.
type drains struct {
	mu      sync.Mutex
	ended   int
	longest time.Duration
	// cut closed connections that clients kept.
	cut  int
	errs []error
}

func (s *suite) rollout(t *testing.T) {
	t.Helper()
	for i, old := range s.replicas {
		s.replicas[i] = s.startReplica(t)
		s.retire(t, old)
	}
}

// retire tells a replica to stop, and waits for nothing but a place to do so.
func (s *suite) retire(t *testing.T, old *replica) {
	t.Helper()
	select {
	case s.draining <- struct{}{}:
	case <-s.ctx.Done():
		old.Kill()
		t.Fatal(context.Cause(s.ctx))
	}
	s.retired.Go(func() {
		defer func() { <-s.draining }()
		began := time.Now()
		bounded, cancel := context.WithTimeout(s.ctx, exitTimeout)
		defer cancel()
		err := old.Stop(bounded)
		s.drains.add(old, time.Since(began), err)
		s.discard(old)
	})
}

func (d *drains) add(old *replica, took time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended++
	d.longest = max(d.longest, took)
	log, logErr := old.Logs()
	if strings.Contains(log, "stopping although clients keep connections") || strings.Contains(log, "requests are not answered") {
		d.cut++
	}
	if err = errors.Join(err, logErr); err != nil {
		d.errs = append(d.errs, err)
	}
}

func testRestartsByService(t *testing.T, s *suite) { s.restarts(t, times(restartsByService)) }

// testRestartsByURL has the API server speak HTTP/2, as it does to a webhook of its
// own host alone.
func testRestartsByURL(t *testing.T, s *suite) {
	s.byURL = true
	s.trust(t, s.authority.CABundle)
	// Those by the Service, which nobody uses any more, would be kept for 90 s.
	s.balancer.cut()
	s.restarts(t, times(restartsByURL))
}

func (s *suite) restarts(t *testing.T, n int) {
	s.drains = drains{}
	s.under(t, s.everyday(), func(l *load) {
		for i := range n {
			s.rollout(t)
			if (i+1)%10 == 0 {
				t.Logf("%d of %d rolling restarts", i+1, n)
			}
		}
		t.Log("waiting until the last replicas have gone")
		s.retired.Wait()
	})
	d := &s.drains
	for _, err := range d.errs {
		t.Errorf("a replica that was told to stop: %v", err)
	}
	if d.cut > 0 {
		t.Errorf("%d replicas closed connections that clients kept", d.cut)
	}
	s.report.note("%d rolling restarts, %d replicas stopped; the longest took %s; %d closed a connection that a client kept",
		n, d.ended, d.longest.Round(time.Second), d.cut)
}

// testKilled kills a process of which the balancer learns from its next probes.
func testKilled(t *testing.T, s *suite) {
	n := times(kills)
	var spans []string
	s.under(t, s.everyday(), func(l *load) {
		for i := range n {
			victim := s.replicas[i%len(s.replicas)]
			last := l.during(func() {
				victim.Kill()
				s.eventually(t, func() error {
					if s.balancer.lists(victim.backend) {
						return fmt.Errorf("the balancer lists the replica that was killed")
					}
					return nil
				})
			}, byWebhook, byFresh)
			spans = append(spans, last.String())
			s.replace(t, i%len(s.replicas))
			t.Logf("%d of %d kills, the last failure %s after it", i+1, n, last)
		}
	})
	s.report.note("%d kills; the last failure after each: %s", n, strings.Join(spans, ", "))
	s.report.why = "what a killed process was asked is lost, and new connections go to it until its address is out of the Service (here about " +
		endpointLag.String() + "); no write is repeated by the API server"
}
