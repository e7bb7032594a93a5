package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

// kept is a connection on which one request was answered, as an API server keeps
// it.
type kept struct {
	conn   *tls.Conn
	reader *bufio.Reader
}

// connect makes a connection of which nothing is used yet, as a client puts it in
// store.
func (s *running) connect(t *testing.T) *kept {
	t.Helper()
	conn, err := tls.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.options.Port), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &kept{conn, bufio.NewReader(conn)}
}

func (s *running) keep(t *testing.T) *kept {
	t.Helper()
	k := s.connect(t)
	if last := k.ask(t); last {
		t.Error("the server ends a connection of which it should say nothing")
	}
	return k
}

// ask sends one more request; last tells whether the answer ends the connection.
func (k *kept) ask(t *testing.T) (last bool) {
	t.Helper()
	k.begin()
	return k.finish(t)
}

// begin sends a request but for its last byte.
func (k *kept) begin() {
	fmt.Fprintf(k.conn, "POST /mutate/dataimportcron HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(review), review[:len(review)-1])
}

func (k *kept) finish(t *testing.T) (last bool) {
	t.Helper()
	fmt.Fprint(k.conn, review[len(review)-1:])
	resp, err := http.ReadResponse(k.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(answer, []byte(`"allowed":true`)) {
		t.Errorf("%s, %v", answer, err)
	}
	return resp.Close
}

// TestNoConnectionIsClosedUnderARequest: an API server speaks HTTP/1.1, and would
// fail a write whose request meets the end of a connection.
func TestNoConnectionIsClosedUnderARequest(t *testing.T) {
	s := start(t, func(o *Options) { o.ShutdownDelay = 0 })
	used, idle, last, begun := s.keep(t), s.keep(t), s.keep(t), s.keep(t)
	stored := s.connect(t)
	begun.begin()
	eventually(t, func() bool {
		return s.metric(t, `controller_runtime_webhook_requests_in_flight{webhook="/mutate/dataimportcron"}`) == 1
	})
	s.stop()
	eventually(t, func() bool { return s.status("/readyz") == http.StatusInternalServerError })
	if !used.ask(t) {
		t.Error("an answer of a server that was told to stop does not end its connection")
	}
	if !begun.finish(t) {
		t.Error("the answer to a request that came before does not end its connection")
	}
	// Its client closes it, as after 90 s.
	if err := idle.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if !stored.ask(t) || !last.ask(t) {
		t.Error("the last connections are not ended")
	}
	if err := <-s.done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// TestHTTP2GoesOnUntilTheEnd: a client repeats what comes too late for a connection,
// at once the first time, but after 1 s and 2 s where new ones end as soon.
func TestHTTP2GoesOnUntilTheEnd(t *testing.T) {
	s := start(t, func(o *Options) { o.ShutdownDelay = time.Hour })
	var dials atomic.Int32
	transport := s.client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	defer transport.CloseIdleConnections()
	for i := range 10 {
		if got, err := s.post("/mutate/dataimportcron", review); err != nil || !strings.HasPrefix(got, "HTTP/2.0 200") {
			t.Errorf("%s, %v", got, err)
		}
		if i == 0 {
			s.stop()
			eventually(t, func() bool { return s.status("/readyz") == http.StatusInternalServerError })
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections; want the one of before", n)
	}
}

func TestAConnectionThatIsKeptForEverIsClosed(t *testing.T) {
	s := start(t, func(o *Options) { o.ShutdownDelay, o.ShutdownTimeout = 0, time.Second })
	k := s.keep(t)
	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := k.reader.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection: %v", err)
	}
}

func TestClientsAreTheFirstToCloseAConnection(t *testing.T) {
	if idleTimeout <= clientTimeout || headerTimeout <= clientTimeout {
		t.Errorf("the server waits %s for a first request and %s for another; clients %s", headerTimeout, idleTimeout, clientTimeout)
	}
	o := NewOptions()
	if o.ShutdownTimeout <= o.ShutdownDelay+clientTimeout {
		t.Errorf("it waits %s for a connection that was made after %s, and that clients keep for %s", o.ShutdownTimeout, o.ShutdownDelay, clientTimeout)
	}
}

// closing is a listener that knows whether it was closed.
type closing struct {
	net.Listener
	closed bool
}

func (l *closing) Close() error { l.closed = true; return nil }

func TestItDrainsUntilTheLastConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := &closing{}
		s := &server{listener: listener, logger: logr.Discard(), connections: newConnections(maxConnections)}
		one, two := net.Conn(&fakeConn{from: "a:1"}), net.Conn(&fakeConn{from: "b:1"})
		limit, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s.connections.observe(one, http.StateNew)
		drained := false
		go func() {
			s.drain(limit)
			drained = true
		}()
		for _, step := range []struct {
			what  string
			conn  net.Conn
			state http.ConnState
			want  bool
		}{
			{"a second one comes", two, http.StateNew, false},
			{"it has a request", two, http.StateActive, false},
			{"and its answer", two, http.StateIdle, false},
			{"it is closed", two, http.StateClosed, false},
			{"the other one was hijacked", one, http.StateHijacked, true},
		} {
			s.connections.observe(step.conn, step.state)
			time.Sleep(3 * lookInterval) // of the bubble's clock
			synctest.Wait()
			if drained != step.want || listener.closed != step.want {
				t.Errorf("%s: drained: %t, closed to others: %t; want %t", step.what, drained, listener.closed, step.want)
			}
		}
	})
}

func TestOneThatComesLateIsWaitedForToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{logger: logr.Discard(), connections: newConnections(maxConnections)}
		late := &fakeConn{from: "a:1"}
		s.listener = &closingWith{func() { s.connections.observe(late, http.StateNew) }}
		limit, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		drained := false
		go func() {
			s.drain(limit)
			drained = true
		}()
		time.Sleep(3 * lookInterval)
		synctest.Wait()
		if drained {
			t.Error("it does not wait for what came just before it closed to others")
		}
		s.connections.observe(late, http.StateClosed)
		time.Sleep(3 * lookInterval)
		synctest.Wait()
		if !drained {
			t.Error("it waits on")
		}
	})
}

// closedBefore is a listener that was closed while its server waits for the next
// connection.
type closedBefore struct{ waiting, end chan struct{} }

func (l *closedBefore) Accept() (net.Conn, error) {
	close(l.waiting)
	<-l.end
	return nil, net.ErrClosed
}
func (l *closedBefore) Addr() net.Addr { return &net.TCPAddr{} }
func (l *closedBefore) Close() error   { close(l.end); return net.ErrClosed }

func TestAnEndWithoutARequestIsNoComplaint(t *testing.T) {
	var logged []string
	logger := funcr.New(func(_, text string) { logged = append(logged, text) }, funcr.Options{})
	s := &server{http: &http.Server{}, logger: logger, connections: newConnections(maxConnections)}
	listener := &closedBefore{make(chan struct{}), make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(listener) }()
	<-listener.waiting
	s.end(t.Context())
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if len(logged) > 0 {
		t.Errorf("logged %q", logged)
	}
}

// closingWith is a listener that does something when it is closed.
type closingWith struct{ do func() }

func (l *closingWith) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l *closingWith) Addr() net.Addr            { return &net.TCPAddr{} }
func (l *closingWith) Close() error              { l.do(); return nil }
