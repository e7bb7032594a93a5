//go:build chaos

package chaos

import (
	"context"
	"syscall"
	"testing"
	"time"
)

const (
	apiServerRestarts = 2
	etcdHold          = 20 * time.Second
)

// testAPIServer stops it, and kills it. Calls of the webhook that do not come from it
// go on meanwhile.
func testAPIServer(t *testing.T, s *suite) {
	ways := []struct {
		name string
		end  func() error
	}{
		{"stopped", func() error {
			bounded, cancel := context.WithTimeout(s.ctx, patience)
			defer cancel()
			return s.StopAPIServer(bounded)
		}},
		{"killed", func() error { s.KillAPIServer(); return nil }},
	}
	n := times(apiServerRestarts)
	s.under(t, s.everyday(), func(l *load) {
		for i := range n {
			way := ways[i%len(ways)]
			var away time.Duration
			var ready time.Time
			last := l.during(func() {
				began := time.Now()
				if err := way.end(); err != nil {
					t.Errorf("the API server, %s: %v", way.name, err)
				}
				if err := s.StartAPIServer(s.ctx); err != nil {
					t.Fatal(err)
				}
				ready = time.Now()
				away = ready.Sub(began).Round(10 * time.Millisecond)
			}, byAPIServer)
			s.report.note("%s: ready again after %s, the last failure after %s; every writer wrote again %s after it was ready",
				way.name, away, last, time.Since(ready).Round(10*time.Millisecond))
			t.Log(s.report.figures[len(s.report.figures)-1])
		}
	})
	s.report.why = "no API server, no write; none failed for want of the webhook"
}

// testEtcd holds etcd. The webhook needs neither it nor the API server.
func testEtcd(t *testing.T, s *suite) {
	s.under(t, s.everyday(), func(l *load) {
		var resumed time.Time
		last := l.during(func() {
			if err := s.SignalEtcd(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			// Whatever comes, so that it can be stopped.
			defer func() {
				if err := s.SignalEtcd(syscall.SIGCONT); err != nil {
					t.Error(err)
				}
				resumed = time.Now()
			}()
			s.wait(t, etcdHold)
		}, byAPIServer)
		l.mu.Lock()
		longest := l.longest
		l.mu.Unlock()
		s.report.note("held for %s: the longest write took %s, the last failure came %s after the beginning; every writer wrote again %s after the end",
			etcdHold, longest.Round(100*time.Millisecond), last, time.Since(resumed).Round(10*time.Millisecond))
		for i, r := range s.replicas {
			if err := r.Ready(s.ctx); err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
		}
	})
	s.report.why = "without etcd nothing is stored: writes wait for it, those that give up before it is back fail"
}
