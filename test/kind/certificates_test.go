//go:build kind

package kind

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// testLeaf has cert-manager renew the certificate as its time does, and as
// cmctl renew asks for: by the condition Issuing.
func testLeaf(t *testing.T, s *suite) {
	before := s.secret(t, "dicer-webhook-tls", "tls.crt")
	started := time.Now()
	var served time.Duration
	o := s.whileCreating(t, func() {
		s.kubectl(t, "patch", "certificate", "--namespace", namespace, "dicer-webhook", "--subresource=status", "--type=merge", "--patch",
			`{"status":{"conditions":[{"type":"Issuing","status":"True","reason":"ManuallyTriggered","message":"by a test","lastTransitionTime":"`+started.UTC().Format(time.RFC3339)+`"}]}}`)
		s.eventually(t, 2*time.Minute, func() error {
			if bytes.Equal(before, s.secret(t, "dicer-webhook-tls", "tls.crt")) {
				return fmt.Errorf("the certificate is the old one")
			}
			return nil
		})
		s.serves(t, s.secret(t, "dicer-webhook-tls", "tls.crt"))
		served = time.Since(started)
		// The API server keeps its connections, and looks at the new certificate when
		// it makes new ones.
		s.kubectl(t, "rollout", "restart", "--namespace", namespace, "deployment/dicer-webhook")
		s.rolledOut(t, "dicer-webhook")
		s.settled(t)
	})
	s.check(t, o)
	if !verifies(t, s.secret(t, "dicer-webhook-tls", "tls.crt"), s.secret(t, "dicer-ca", "tls.crt")) {
		t.Error("the renewed certificate is not of the CA, or for another name")
	}
	s.figures += fmt.Sprintf("; served by both after %s", served.Round(time.Second))
}

// serves waits until each pod serves with that certificate; the kubelet brings it
// when it next looks.
func (s *suite) serves(t *testing.T, want []byte) {
	t.Helper()
	block, _ := pem.Decode(want)
	if block == nil {
		t.Fatalf("no certificate in %q", want)
	}
	for _, p := range s.pods(t, "webhook") {
		s.eventually(t, 3*time.Minute, func() error {
			got, err := s.served(t, p.Name)
			if err != nil {
				return err
			}
			if !bytes.Equal(got.Raw, block.Bytes) {
				return fmt.Errorf("%s serves with certificate %v, valid from %s", p.Name, got.SerialNumber, got.NotBefore)
			}
			return nil
		})
	}
}

var forwarding = regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+) `)

// served returns the certificate that a pod serves with.
func (s *suite) served(t *testing.T, pod string) (*x509.Certificate, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, options.kubectl, "--kubeconfig", options.kubeconfig, "port-forward", "--namespace", namespace, "pod/"+pod, ":webhook")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it is killed
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, err
	}
	address := forwarding.FindStringSubmatch(line)
	if address == nil {
		return nil, fmt.Errorf("kubectl port-forward says %q", line)
	}
	// Whose it is does not matter here; the API server is the one that checks.
	connection, err := tls.Dial("tcp", address[1], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0], nil
}

// testCA rotates the CA as docs/operations.md says: at first without anybody who
// issues a certificate.
func testCA(t *testing.T, s *suite) {
	old := s.secret(t, "dicer-ca", "tls.crt")
	o := s.whileCreating(t, func() {
		s.kubectl(t, "scale", "--namespace", "cert-manager", "deployment/cert-manager", "--replicas=0")
		s.kubectl(t, "wait", "--namespace", "cert-manager", "pods", "--selector", "app.kubernetes.io/name=cert-manager", "--for=delete", "--timeout=2m")
		if out, err := s.rotate(t, "5"); err == nil || !strings.Contains(out, "rotate-ca: stopped: the old CA is trusted") {
			t.Errorf("without cert-manager: %v\n%s", err, out)
		}
		s.kubectl(t, "scale", "--namespace", "cert-manager", "deployment/cert-manager", "--replicas=1")
		if out, err := s.rotate(t, "180"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		s.eventually(t, time.Minute, func() error {
			for name, bundle := range s.bundles(t) {
				if !bytes.Equal(bundle, s.secret(t, "dicer-ca", "tls.crt")) {
					return fmt.Errorf("%s trusts %q", name, bundle)
				}
			}
			return nil
		})
	})
	s.check(t, o)
	ca := s.secret(t, "dicer-ca", "tls.crt")
	leaf := s.secret(t, "dicer-webhook-tls", "tls.crt")
	s.serves(t, leaf)
	if verifies(t, leaf, old) || !verifies(t, leaf, ca) {
		t.Errorf("the leaf is of the old CA: %t, of the new one: %t", verifies(t, leaf, old), verifies(t, leaf, ca))
	}
	s.applyChangesNothing(t)
}

func (s *suite) rotate(t *testing.T, seconds string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../deploy/components/cert-manager/rotate-ca.sh", namespace, seconds)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+options.kubeconfig, "PATH="+filepath.Dir(options.kubectl)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func verifies(t *testing.T, leaf, ca []byte) bool {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate in %q", ca)
	}
	block, _ := pem.Decode(leaf)
	if block == nil {
		t.Fatalf("no certificate in %q", leaf)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "dicer-webhook." + namespace + ".svc"})
	return err == nil
}
