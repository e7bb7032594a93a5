//go:build chaos

package chaos

import (
	"crypto/tls"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/pkg/admission"
)

const (
	// margin is how long before its end a leaf makes a replica not ready.
	margin = 30 * time.Second
	// firstLife and lastLife leave time between the two replicas' ends: one is out
	// of the balancer while the other is ready.
	firstLife = margin + 4*time.Second
	lastLife  = firstLife + endpointLag + 10*time.Second
)

// testExpiry has the leaf of one replica come to its end, then that of the other, as
// where nobody renews them. The API server's connections are closed then, so that
// writes see it too.
func testExpiry(t *testing.T, s *suite) {
	first, last := s.replicas[0], s.replicas[1]
	s.under(t, s.everyday(), func(l *load) {
		began := time.Now()
		s.live(t, first, firstLife)
		s.live(t, last, lastLife)
		s.readiness(t, first, false)
		if err := last.Ready(s.ctx); err != nil {
			t.Errorf("ready alone: %v", err)
		}
		s.report.note("one leaf ends: not ready %s before, and out of the Service; the other replica serves on", time.Until(began.Add(firstLife)).Round(time.Second))
		t.Log("one replica is not ready any more")
		// What comes from here on has no endpoint: only connections that are made
		// already go on.
		var cut time.Time
		l.during(func() {
			s.readiness(t, last, false)
			s.wait(t, time.Until(began.Add(lastLife))+time.Second)
			s.expired(t, first)
			s.expired(t, last)
			l.mu.Lock()
			before := l.failed(byWebhook)
			l.mu.Unlock()
			s.report.note("both have ended: %d writes had failed until then, for the API server keeps the connections that it has", before)
			cut = time.Now()
			s.balancer.cut()
			l.turn()
			l.mu.Lock()
			s.report.note("its connections closed: %d writes failed, %d wrongly admitted", l.failed(byWebhook)-before, len(l.admitted))
			l.mu.Unlock()
			s.rotate(t)
			s.readiness(t, first, true)
			s.readiness(t, last, true)
		}, byWebhook, byFresh)
		s.report.note("new leaves cured it without a restart, %s after the connections were closed", time.Since(cut).Round(100*time.Millisecond))
	})
	s.report.why = "no replica has a certificate that is valid, so no Service sends anybody there; what the webhook has to see is refused"
}

// live gives a replica a leaf with so long to live.
func (s *suite) live(t *testing.T, r *replica, life time.Duration) {
	t.Helper()
	cert, key, err := r.certificates.Sign(window(-time.Hour, life))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.certificates.Write(cert, key); err != nil {
		t.Fatal(err)
	}
	s.serves(t, r)
}

// readiness waits until a replica is ready or is not, and the balancer knows.
func (s *suite) readiness(t *testing.T, r *replica, want bool) {
	t.Helper()
	s.eventually(t, func() error {
		if err := r.Ready(s.ctx); (err == nil) != want || s.balancer.lists(r.backend) != want {
			return fmt.Errorf("ready: %v; in the balancer: %t; want %t", err, s.balancer.lists(r.backend), want)
		}
		return nil
	})
}

// expired looks at what a replica serves whose leaf has ended, and nothing newer is
// there: that one, which no caller takes.
func (s *suite) expired(t *testing.T, r *replica) {
	t.Helper()
	got, err := s.served(r)
	if err != nil {
		t.Fatal(err)
	}
	if time.Now().Before(got.NotAfter) {
		t.Errorf("%s serves a certificate until %s", r.Address(), got.NotAfter)
	}
	_, err = ask(s.ctx, s.freshClient(r.Address(), false), admission.DataImportCronMutatePath, review("expired", ""))
	var invalid *tls.CertificateVerificationError
	if !errors.As(err, &invalid) {
		t.Errorf("a caller with a new connection: %v; want that the certificate has expired", err)
	}
}
