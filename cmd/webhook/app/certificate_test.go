package app

import (
	"crypto/x509"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/test/cluster"
)

// window has a certificate be valid from and until then.
func window(from, until time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until) }
}

// TestABadPairOnDiskChangesNothing writes what a torn update, a mistake or a late
// clock leaves, then a good pair: the first one is served until that.
func TestABadPairOnDiskChangesNothing(t *testing.T) {
	s := start(t)
	first := s.served(t)
	sign := func(change func(*x509.Certificate)) (cert, key []byte) {
		t.Helper()
		cert, key, err := s.certificates.Sign(change)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	cert, key := sign(func(*x509.Certificate) {})
	_, otherKey := sign(func(*x509.Certificate) {})
	expired, expiredKey := sign(window(-2*time.Hour, -time.Hour))
	early, earlyKey := sign(window(time.Hour, 2*time.Hour))
	last, lastKey := sign(func(c *x509.Certificate) { c.SerialNumber = big.NewInt(42) })
	for _, bad := range []struct {
		name      string
		cert, key []byte
		// read tells that the pair fits together, so that it is looked at again.
		read bool
	}{
		{"torn", cert[:len(cert)/2], key, false},
		{"empty", nil, nil, false},
		{"mismatched", cert, otherKey, false},
		{"expired", expired, expiredKey, true},
		{"not valid yet", early, earlyKey, true},
	} {
		t.Run(bad.name, func(t *testing.T) {
			const reads, errors = "certwatcher_read_certificate_total", "certwatcher_read_certificate_errors_total"
			before := s.metric(t, reads)
			failed := s.metric(t, errors)
			if err := s.certificates.Write(bad.cert, bad.key); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() bool {
				if bad.read {
					return s.metric(t, reads) > before+1
				}
				return s.metric(t, errors) > failed
			})
			if got := s.served(t); !got.Equal(first) {
				t.Errorf("served number %v", got.SerialNumber)
			}
			if got := s.status("/readyz"); got != http.StatusOK {
				t.Errorf("ready %d", got)
			}
		})
	}
	if err := os.Remove(filepath.Join(s.certificates.Dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	if got := s.served(t); !got.Equal(first) {
		t.Errorf("without a key served number %v", got.SerialNumber)
	}
	if err := os.Symlink(filepath.Join("..data", "tls.key"), filepath.Join(s.certificates.Dir, "tls.key")); err != nil {
		t.Fatal(err)
	}
	if err := s.certificates.Write(last, lastKey); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return s.served(t).SerialNumber.Cmp(big.NewInt(42)) == 0 })
	if got, want := s.metric(t, "dicer_certificate_expiry_timestamp_seconds"), float64(s.served(t).NotAfter.Unix()); got != want {
		t.Errorf("the gauge says %v; want %v", got, want)
	}
}

// TestItIsNotReadyBeforeItsCertificateExpires starts with one that ends within the
// margin: what is served still answers, and the probe says until when.
func TestItIsNotReadyBeforeItsCertificateExpires(t *testing.T) {
	certificates, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*x509.Certificate)
		want   int
	}{
		"it ends within the margin": {window(-time.Hour, expiryMargin-time.Second), http.StatusInternalServerError},
		"it has ended":              {window(-time.Hour, -time.Minute), http.StatusInternalServerError},
		"it begins later":           {window(time.Minute, time.Hour), http.StatusInternalServerError},
		"it ends after the margin":  {window(-time.Hour, time.Hour), http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			cert, key, err := certificates.Sign(tc.change)
			if err != nil {
				t.Fatal(err)
			}
			if err := certificates.Write(cert, key); err != nil {
				t.Fatal(err)
			}
			s := launch(t, certificates)
			eventually(t, func() bool { return s.status("/healthz") == http.StatusOK })
			if got := s.status("/readyz"); got != tc.want {
				t.Errorf("ready %d; want %d", got, tc.want)
			}
			if got, err := s.post("/validate/dataimportcron", review); err != nil {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}
