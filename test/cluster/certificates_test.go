package cluster

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

func TestEachRotationServesANewCertificateOfTheSameCA(t *testing.T) {
	certificates, err := NewCertificates(filepath.Join(t.TempDir(), "serving"))
	if err != nil {
		t.Fatal(err)
	}
	first := leaf(t, certificates)
	for range 2 {
		if err := certificates.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if second := leaf(t, certificates); bytes.Equal(first.Raw, second.Raw) {
		t.Error("the certificate is still the first one")
	}
	entries, err := os.ReadDir(certificates.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 {
		t.Errorf("want the pair's directory and three links, got %v", entries)
	}
}

// leaf returns the serving certificate, once it is verified against the CA.
func leaf(t *testing.T, certificates *Certificates) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(certificates.Dir, certFile), filepath.Join(certificates.Dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificates.CABundle) {
		t.Fatal("no certificate in the CA bundle")
	}
	for _, name := range []string{"127.0.0.1", "localhost", ServiceHost} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Error(err)
		}
	}
	return pair.Leaf
}
