package drive

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/hack/load/review"
)

// echo answers rightly, and notes uids and bodies that are no whole ones.
type echo struct {
	size int

	mu    sync.Mutex
	uids  map[string]bool
	wrong []string
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_, rest, ok := strings.Cut(string(body), `"uid":"`)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || !ok || len(body) != e.size || e.uids[rest[:36]] {
		e.wrong = append(e.wrong, fmt.Sprint(err, string(body)))
	}
	e.uids[rest[:36]] = true
	fmt.Fprintf(w, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"%s","allowed":true}}`, rest[:36])
}

func TestEachReviewIsSentWholeAndOnce(t *testing.T) {
	r, err := review.DataImportCron(10_000)
	if err != nil {
		t.Fatal(err)
	}
	const callers, count = 4, 40
	for connection, connections := range map[Connection]func(int) bool{
		HTTP2: func(n int) bool { return n == 1 },
		HTTP1: func(n int) bool { return n > 0 && n <= callers },
		Fresh: func(n int) bool { return n == count+1 },
	} {
		t.Run(string(connection), func(t *testing.T) {
			handler := &echo{size: r.Size(), uids: map[string]bool{}}
			server := httptest.NewUnstartedServer(handler)
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			answers := review.NewAnswers(r, review.Contract{})
			target := Target{URL: server.URL, Certificate: server.Certificate().Raw}
			meter := func() (time.Duration, error) { return 0, nil }
			m, err := Run(t.Context(), target, Load{Connection: connection, Callers: callers, Review: r, Count: count}, answers, meter)
			if err != nil {
				t.Fatal(err)
			}
			if err := answers.Verify(); err != nil {
				t.Error(err)
			}
			if m.Reviews != count || len(handler.uids) != count+1 || len(handler.wrong) > 0 {
				t.Errorf("%d reviews, %d uids, wrong: %q; want %d and one more, none wrong", m.Reviews, len(handler.uids), handler.wrong, count)
			}
			if !connections(m.Connections) {
				t.Errorf("%d connections", m.Connections)
			}
			if m.P50 <= 0 || m.P99 < m.P50 || m.Elapsed < m.P99 {
				t.Errorf("p50 %s, p99 %s, together %s", m.P50, m.P99, m.Elapsed)
			}
		})
	}
}

func TestAnotherCertificateIsRefused(t *testing.T) {
	r, err := review.DataImportCron(0)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	err = Ask(t.Context(), Target{URL: server.URL, Certificate: []byte("another")}, r, review.NewAnswers(r, review.Contract{}))
	if err == nil || !strings.Contains(err.Error(), "another certificate") {
		t.Errorf("error %v; want one of the certificate", err)
	}
}

func TestPercentiles(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, test := range []struct {
		sorted  []time.Duration
		percent int
		want    time.Duration
	}{
		{hundred, 50, 50}, {hundred, 99, 99}, {hundred[:1], 99, 1}, {hundred[:3], 50, 2}, {nil, 50, 0},
	} {
		if got := Percentile(test.sorted, test.percent); got != test.want {
			t.Errorf("percentile %d of %d: %d; want %d", test.percent, len(test.sorted), got, test.want)
		}
	}
}
