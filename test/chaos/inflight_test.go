//go:build chaos

package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	inFlight = 1000
	// http2Connections share the half of them that speaks HTTP/2; the server lets few
	// do so.
	http2Connections = 4
	inFlightMetric   = "controller_runtime_webhook_requests_in_flight"
)

// held is a request of which half was sent; finish sends the rest and reads the
// answer.
type held struct {
	finish func() (*admissionv1.AdmissionResponse, error)
}

// testInFlight holds half of every body back while the replica is told to stop. A
// quarter is sent before the drain delay is over, the other HTTP/1.1 requests after
// it, and the other HTTP/2 ones once nobody gets in any more.
func testInFlight(t *testing.T, s *suite) {
	r := s.launch(t)
	defer r.Kill()
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	one, two := s.hold(ctx, t, r)
	s.eventually(t, func() error {
		n, err := r.Value(s.ctx, inFlightMetric, nil)
		if err == nil && n != inFlight {
			err = fmt.Errorf("%v requests are in flight; want %d", n, inFlight)
		}
		return err
	})
	t.Logf("%d requests in flight; SIGTERM", inFlight)
	told, stopped := time.Now(), make(chan error, 1)
	go func() { stopped <- r.Stop(ctx) }()
	s.eventually(t, func() error {
		if err := r.Ready(s.ctx); err == nil {
			return errors.New("a replica that was told to stop is ready")
		}
		return nil
	})
	s.finish(t, one[:inFlight/4])
	s.finish(t, two[:inFlight/4])
	fresh := s.untilDelay(t, r, told)
	s.finish(t, one[inFlight/4:])
	s.eventually(t, func() error {
		conn, err := s.dial(s.ctx, r.Address(), "h2")
		if err == nil {
			return errors.Join(errors.New("connections are still accepted"), conn.Close())
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		return nil
	})
	t.Log("nobody gets in any more")
	s.finish(t, two[inFlight/4:])
	if err := <-stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
	s.report.note("%d in flight at SIGTERM, half of them HTTP/2; %d on new connections until the drain delay of %s was over", inFlight, fresh, drainDelay)
}

// hold begins the requests: half of them by HTTP/1.1, each with a connection.
func (s *suite) hold(ctx context.Context, t *testing.T, r *replica) (one, two []held) {
	t.Helper()
	for range inFlight / 2 {
		h, err := s.holdOne(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		one = append(one, h)
	}
	var clients []*http.Client
	for range http2Connections {
		client := &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: true,
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return s.dial(ctx, r.Address(), "h2")
			},
		}}
		// So that the others find its connection, and none makes another.
		if _, err := ask(ctx, client, admission.DataImportCronMutatePath, review("first", "")); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client)
	}
	for i := range inFlight / 2 {
		two = append(two, holdTwo(ctx, clients[i%len(clients)]))
	}
	return one, two
}

func (s *suite) holdOne(ctx context.Context, r *replica) (held, error) {
	conn, err := s.dial(ctx, r.Address(), "http/1.1")
	if err != nil {
		return held{}, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	body := review("held", "")
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		admission.DataImportCronMutatePath, cluster.ServiceHost, len(body), body[:len(body)/2])
	return held{func() (*admissionv1.AdmissionResponse, error) {
		if _, err := conn.Write(body[len(body)/2:]); err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		if !response.Close {
			return nil, errors.New("the answer does not end its connection")
		}
		return answer(response)
	}}, err
}

func holdTwo(ctx context.Context, client *http.Client) held {
	body := review("held", "")
	reader, writer := io.Pipe()
	type outcome struct {
		response *admissionv1.AdmissionResponse
		err      error
	}
	answered := make(chan outcome, 1)
	go func() {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+cluster.ServiceHost+admission.DataImportCronMutatePath, reader)
		if err != nil {
			answered <- outcome{nil, err}
			return
		}
		request.ContentLength = int64(len(body))
		response, err := do(client, request)
		_ = reader.Close() // nobody reads what is not sent yet
		answered <- outcome{response, err}
	}()
	// It is read, and sent, once there is a connection.
	first := make(chan error, 1)
	go func() {
		_, err := writer.Write(body[:len(body)/2])
		first <- err
	}()
	return held{func() (*admissionv1.AdmissionResponse, error) {
		if err := <-first; err == nil {
			_, _ = writer.Write(body[len(body)/2:]) // the answer tells of an error
			_ = writer.Close()
		}
		o := <-answered
		return o.response, o.err
	}}
}

// finish has all of them answered.
func (s *suite) finish(t *testing.T, requests []held) {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, h := range requests {
		group.Go(func() {
			response, err := h.finish()
			mu.Lock()
			defer mu.Unlock()
			s.count(t, response, err)
		})
	}
	group.Wait()
	t.Logf("%d answered", len(requests))
}

// count adds one answer to the report.
func (s *suite) count(t *testing.T, response *admissionv1.AdmissionResponse, err error) {
	s.report.requests++
	switch {
	case err != nil:
		if s.report.failed++; s.report.failed <= 5 {
			t.Error(err)
		}
	case len(response.Patch) == 0:
		s.report.unmutated++
		t.Errorf("no patch in %v", response)
	}
}

// untilDelay makes requests on new connections until the drain delay is over, and
// returns how many. The replica was told a moment after told.
func (s *suite) untilDelay(t *testing.T, r *replica, told time.Time) int {
	t.Helper()
	n := 0
	clients := []*http.Client{s.freshClient(r.Address(), false), s.freshClient(r.Address(), true)}
	for end := told.Add(drainDelay); time.Now().Before(end); n++ {
		response, err := ask(s.ctx, clients[n%2], admission.DataImportCronMutatePath, review("fresh", ""))
		s.count(t, response, err)
		s.wait(t, 10*time.Millisecond)
	}
	return n
}
