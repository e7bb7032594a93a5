package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/test/cluster"
)

// running is a webhook server.
type running struct {
	options      *Options
	certificates *cluster.Certificates
	stop         context.CancelFunc
	done         chan error
	client       *http.Client
}

// start returns once the server is ready.
func start(t *testing.T, change ...func(*Options)) *running {
	t.Helper()
	certificates, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := launch(t, certificates, change...)
	eventually(t, func() bool { return s.status("/readyz") == http.StatusOK })
	return s
}

func launch(t *testing.T, certificates *cluster.Certificates, change ...func(*Options)) *running {
	t.Helper()
	o := NewOptions()
	o.CertDir = certificates.Dir
	ports := freePorts(t, 3)
	o.Port = ports[0]
	o.HealthProbeBindAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1]))
	o.MetricsBindAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[2]))
	o.ShutdownDelay = time.Second
	// A test that should not wait for it would never end.
	o.ShutdownTimeout = time.Hour
	for _, c := range change {
		c(o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &running{options: o, certificates: certificates, stop: cancel, done: make(chan error, 1), client: &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}}
	go func() { s.done <- run(ctx, o) }()
	t.Cleanup(func() { cancel() })
	return s
}

func (s *running) status(path string) int {
	resp, err := http.Get("http://" + s.options.HealthProbeBindAddress + path)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func (s *running) post(path, body string) (string, error) {
	url := "https://127.0.0.1:" + strconv.Itoa(s.options.Port) + path
	resp, err := s.client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.Proto + " " + resp.Status + " " + string(answer), err
}

const review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",` +
	`"kind":{"group":"cdi.kubevirt.io","version":"v1beta1","kind":"DataImportCron"},"operation":"CREATE",` +
	`"object":{"metadata":{"name":"x-arm64","labels":{"template.kubevirt.io/architecture":"arm64"}},"spec":{"managedDataSource":"x"}}}}`

func TestTheServerFromStartToStop(t *testing.T) {
	s := start(t)
	const counted = `controller_runtime_webhook_requests_total{code="200",webhook="/validate/dataimportcron"}`
	before := s.metric(t, counted)
	for path, want := range map[string]string{
		"/mutate/dataimportcron":   `HTTP/2.0 200 OK {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u","allowed":true`,
		"/validate/dataimportcron": `"allowed":true`,
		"/validate/ssp":            `check the webhook configuration`,
		"/validate/pod":            `404`,
	} {
		if got, err := s.post(path, review); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s, %v; want %s", path, got, err, want)
		}
	}
	if _, err := tls.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.options.Port), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is accepted by default")
	}
	if got := s.metric(t, `dicer_admission_decisions_total{decision="patch",operation="CREATE",webhook="/mutate/dataimportcron"}`); got != 1 {
		t.Errorf("%v patches counted; want 1", got)
	}
	// controller-runtime's registry is the process's own.
	if got := s.metric(t, counted) - before; got != 1 {
		t.Errorf("%v requests counted; want 1", got)
	}

	first := s.served(t)
	if err := s.certificates.Rotate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return !s.served(t).Equal(first) })

	s.stop()
	eventually(t, func() bool { return s.status("/readyz") == http.StatusInternalServerError })
	if s.status("/healthz") != http.StatusOK {
		t.Error("not healthy while it drains")
	}
	if got, err := s.post("/mutate/dataimportcron", review); err != nil {
		t.Errorf("a request during the shutdown delay: %s, %v", got, err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestItDoesNotStartWithoutWhatItNeeds(t *testing.T) {
	o := NewOptions()
	o.CertDir = t.TempDir()
	o.Port = freePorts(t, 1)[0]
	o.HealthProbeBindAddress, o.MetricsBindAddress = "127.0.0.1:0", "0"
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "tls.crt") {
		t.Errorf("without a certificate: %v", err)
	}
	certificates, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o.CertDir = certificates.Dir
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	o.HealthProbeBindAddress = taken.Addr().String()
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("with a taken port: %v", err)
	}
}

// TestARequestInFlightIsAnswered holds back half of a body until the server
// takes no new connection any more.
func TestARequestInFlightIsAnswered(t *testing.T) {
	s := start(t, func(o *Options) { o.ShutdownTimeout = o.ShutdownDelay })
	address := "127.0.0.1:" + strconv.Itoa(s.options.Port)
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /mutate/dataimportcron HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(review), review[:len(review)/2])
	// Answered after the half body was read.
	if _, err := s.post("/validate/dataimportcron", review); err != nil {
		t.Fatal(err)
	}
	s.stop()
	eventually(t, func() bool {
		probe, err := net.Dial("tcp", address)
		if err == nil {
			probe.Close()
		}
		return err != nil
	})
	fmt.Fprint(conn, review[len(review)/2:])
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(answer, []byte(`"allowed":true`)) {
		t.Errorf("%s, %v", answer, err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// metric reads one sample of /metrics; 0 where it is not there.
func (s *running) metric(t *testing.T, name string) float64 {
	t.Helper()
	resp, err := http.Get("http://" + s.options.MetricsBindAddress + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	return 0
}

// served is the certificate that a new connection gets.
func (s *running) served(t *testing.T) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.options.Port), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	err := cluster.Eventually(t.Context(), 30*time.Second, func(context.Context) error {
		if !condition() {
			return errors.New("the condition did not come true")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports, err := cluster.FreePorts(n)
	if err != nil {
		t.Fatal(err)
	}
	return ports
}
