package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/dicer-dev/dicer/test/cluster"
)

// TestOnlyKnownClientsAreAnswered calls with certificates of several kinds, over
// HTTP/2 and HTTP/1.1.
func TestOnlyKnownClientsAreAnswered(t *testing.T) {
	ours, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(caFile, ours.CABundle, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *Options) {
		o.ClientCAFile, o.ClientAllowedNames = caFile, []string{"kube-apiserver", "api.example.com"}
	})
	named := func(name string, dns ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.Subject.CommonName, c.DNSNames, c.IPAddresses = name, dns, nil
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}
	}
	for _, tc := range []struct {
		name     string
		by       *cluster.Certificates // nil: no certificate
		change   func(*x509.Certificate)
		answered bool
	}{
		{"a known name", ours, named("kube-apiserver"), true},
		{"a known DNS name", ours, named("x", "y", "api.example.com"), true},
		{"no certificate", nil, nil, false},
		{"another name", ours, named("kubelet"), false},
		{"a name that begins alike", ours, named("kube-apiserver2"), false},
		{"no name at all", ours, named(""), false},
		{"another CA", theirs, named("kube-apiserver"), false},
		{"expired", ours, func(c *x509.Certificate) { named("kube-apiserver")(c); window(-2*time.Hour, -time.Hour)(c) }, false},
		{"not valid yet", ours, func(c *x509.Certificate) { named("kube-apiserver")(c); window(time.Hour, 2*time.Hour)(c) }, false},
		{"a serving certificate", ours, func(c *x509.Certificate) {
			named("kube-apiserver")(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, false},
	} {
		for _, http2 := range []bool{true, false} {
			s.client = clientWith(t, tc.by, tc.change, http2)
			answer, err := s.post("/validate/dataimportcron", review)
			if answered := err == nil && strings.Contains(answer, `"allowed":true`); answered != tc.answered || (err == nil) != tc.answered {
				t.Errorf("%s, HTTP/2 %t: %s, %v; want it answered: %t", tc.name, http2, answer, err, tc.answered)
			}
		}
	}
	if got := s.status("/readyz"); got != http.StatusOK {
		t.Errorf("ready %d", got)
	}
}

// clientWith has a certificate that was signed for it.
func clientWith(t *testing.T, by *cluster.Certificates, change func(*x509.Certificate), http2 bool) *http.Client {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if by != nil {
		cert, key, err := by.Sign(change)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestAKeptConnectionEndsWithWhatItBeganWith uses connections while their client's
// certificate ends, or its CA is taken out of the file.
func TestAKeptConnectionEndsWithWhatItBeganWith(t *testing.T) {
	first, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	second, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(caFile, slices.Concat(first.CABundle, second.CABundle), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *Options) { o.ClientCAFile = caFile })
	for _, http2 := range []bool{true, false} {
		client := func(by *cluster.Certificates, until time.Duration) *http.Client {
			return clientWith(t, by, func(c *x509.Certificate) {
				window(-time.Hour, until)(c)
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			}, http2)
		}
		stays := client(second, time.Hour)
		answered := func(of *http.Client, path, want string) bool {
			s.client = of
			answer, err := s.post(path, review)
			return err == nil && strings.Contains(answer, want)
		}
		const path, allowed, gone = "/validate/dataimportcron", `"allowed":true`, "403 Forbidden dicer: the client certificate is not accepted any more"
		short := client(second, 5*time.Second)
		if !answered(stays, path, allowed) || !answered(short, path, allowed) {
			t.Fatal("what is right is not answered")
		}
		eventually(t, func() bool { return answered(short, path, gone) })
		if answered(short, path, "") {
			t.Error("refused, its connection goes on")
		}
		if http2 {
			continue
		}
		leaves := client(first, time.Hour)
		if !answered(leaves, path, allowed) {
			t.Fatal("what is right is not answered")
		}
		if err := os.WriteFile(caFile, second.CABundle, 0o600); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return answered(leaves, path, gone) })
		if answered(leaves, path, "") || !answered(stays, path, allowed) {
			t.Error("the CA that stays is not the one whose clients are answered")
		}
	}
}

// TestTheClientsCAsAreReadAgain replaces them: by nonsense, which changes nothing,
// then by others.
func TestTheClientsCAsAreReadAgain(t *testing.T) {
	first, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	second, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.crt")
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(caFile, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first.CABundle)
	c, err := newClients(caFile, nil, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.watch(ctx)
		for _, step := range []struct{ content, want []byte }{
			{first.CABundle, first.CABundle},
			{[]byte("nonsense"), first.CABundle},
			{nil, first.CABundle},
			{second.CABundle, second.CABundle},
		} {
			write(step.content)
			time.Sleep(clientCAInterval)
			synctest.Wait()
			if got := c.cas.Load().pem; !bytes.Equal(got, step.want) {
				t.Errorf("with %.30q in the file: %.30q", step.content, got)
			}
		}
	})
}

func TestItDoesNotStartWithoutTheClientsCAs(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{empty: "holds no certificate", empty + "x": "no such file"} {
		o := NewOptions()
		certificates, err := cluster.NewCertificates(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		o.CertDir, o.ClientCAFile, o.Port = certificates.Dir, path, freePorts(t, 1)[0]
		o.HealthProbeBindAddress, o.MetricsBindAddress = "127.0.0.1:0", "0"
		if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}
