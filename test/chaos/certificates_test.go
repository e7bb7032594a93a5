//go:build chaos

package chaos

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	leaves = 500
	// badEvery is how many good ones come between two bad ones.
	badEvery    = 20
	authorities = 20

	readsMetric, errorsMetric = "certwatcher_read_certificate_total", "certwatcher_read_certificate_errors_total"
)

// shaking is a load with more handshakes.
func (s *suite) shaking() []caller {
	pace := 20 * time.Millisecond
	return append(s.everyday(), caller{pace, s.handshaker()}, caller{pace, s.handshaker()})
}

// bad is what may be on disk for a while. It changes nothing.
type bad struct {
	name string
	// change makes another certificate of the CA's.
	change func(*x509.Certificate)
	// spoil makes what is written of a new pair, and the key of another one.
	spoil func(cert, key, other []byte) (badCert, badKey []byte)
	// read tells that such a pair can be.
	read bool
}

func bads() []bad {
	same := func(*x509.Certificate) {}
	asIs := func(cert, key, _ []byte) ([]byte, []byte) { return cert, key }
	return []bad{
		{"torn certificate", same, func(cert, key, _ []byte) ([]byte, []byte) { return cert[:len(cert)/2], key }, false},
		{"torn key", same, func(cert, key, _ []byte) ([]byte, []byte) { return cert, key[:len(key)/2] }, false},
		{"empty", same, func(_, _, _ []byte) ([]byte, []byte) { return nil, nil }, false},
		{"mismatched", same, func(cert, _, other []byte) ([]byte, []byte) { return cert, other }, false},
		{"expired", window(-2*time.Hour, -time.Hour), asIs, true},
		{"not valid yet", window(time.Hour, 2*time.Hour), asIs, true},
	}
}

// window has a certificate be valid from and until then.
func window(from, until time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) }
}

func testLeaf(t *testing.T, s *suite) {
	n, written, all := times(leaves), 0, bads()
	s.under(t, s.shaking(), func(l *load) {
		for i := range n {
			s.rotate(t)
			if (i+1)%badEvery == 0 {
				s.spoil(t, all[written%len(all)])
				written++
			}
			if (i+1)%100 == 0 {
				t.Logf("%d of %d leaves, %d bad pairs between them", i+1, n, written)
			}
		}
	})
	s.report.note("%d leaves replaced at each replica, %d bad pairs written between them (torn, empty, mismatched, expired, not valid yet): the one before was served on", n, written)
}

// served is what a new connection to a replica gets.
func (s *suite) served(r *replica) (*x509.Certificate, error) {
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(s.ctx, "tcp", r.Address())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// rotate gives each replica a new leaf and returns once it is served.
func (s *suite) rotate(t *testing.T) {
	t.Helper()
	for _, r := range s.replicas {
		if err := r.certificates.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range s.replicas {
		s.serves(t, r)
	}
}

// serves waits until a replica serves what is in its folder.
func (s *suite) serves(t *testing.T, r *replica) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(r.certificates.Dir, "tls.crt"), filepath.Join(r.certificates.Dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	s.eventually(t, func() error {
		got, err := s.served(r)
		if err == nil && !bytes.Equal(got.Raw, pair.Leaf.Raw) {
			err = fmt.Errorf("%s serves another certificate than the one in its folder", r.Address())
		}
		return err
	})
}

// spoil gives each replica a bad pair, and looks at it once that was seen.
func (s *suite) spoil(t *testing.T, b bad) {
	t.Helper()
	for _, r := range s.replicas {
		before, err := s.served(r)
		if err != nil {
			t.Fatal(err)
		}
		metric := errorsMetric
		if b.read {
			metric = readsMetric
		}
		seen, err := r.Value(s.ctx, metric, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.spoil(b); err != nil {
			t.Fatal(err)
		}
		s.eventually(t, func() error {
			n, err := r.Value(s.ctx, metric, nil)
			if err == nil && n == seen {
				err = fmt.Errorf("%s has not looked at its folder", r.Address())
			}
			return err
		})
		if after, err := s.served(r); err != nil || !after.Equal(before) {
			t.Errorf("%s: another one is served (%v)", b.name, err)
		}
		if err := r.Ready(s.ctx); err != nil {
			t.Errorf("%s: not ready: %v", b.name, err)
		}
	}
}

func (r *replica) spoil(b bad) error {
	cert, key, err := r.certificates.Sign(b.change)
	if err != nil {
		return err
	}
	_, other, err := r.certificates.Sign(b.change)
	if err != nil {
		return err
	}
	return r.certificates.Write(b.spoil(cert, key, other))
}

// testAuthority replaces the CA as docs/operations.md says: both are trusted until
// nothing of the old one is served.
func testAuthority(t *testing.T, s *suite) {
	n := times(authorities)
	s.under(t, s.shaking(), func(l *load) {
		for i := range n {
			next, err := cluster.NewCertificates(filepath.Join(s.Dir, "ca-next"))
			if err != nil {
				t.Fatal(err)
			}
			s.trust(t, slices.Concat(s.authority.CABundle, next.CABundle))
			l.turn()
			s.authority = next
			for _, r := range s.replicas {
				r.certificates = next.In(r.certificates.Dir)
			}
			s.rotate(t)
			// A handshake that is on its way may have had the old leaf.
			l.turn()
			s.trust(t, next.CABundle)
			if err := os.RemoveAll(next.Dir); err != nil {
				t.Fatal(err)
			}
			if (i+1)%5 == 0 {
				t.Logf("%d of %d CAs", i+1, n)
			}
		}
	})
	s.report.note("%d CAs replaced, each in %d changes of the webhook configurations", n, 2)
}
