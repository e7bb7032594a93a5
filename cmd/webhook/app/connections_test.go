package app

import (
	"context"
	"crypto/tls"
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

	"github.com/google/go-cmp/cmp"
)

// fakeConn is a connection of which only this is looked at.
type fakeConn struct {
	net.Conn
	from   string
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr { return fakeAddr(c.from) }
func (c *fakeConn) Close() error         { c.closed = true; return nil }

type fakeAddr string

func (a fakeAddr) Network() string { return "tcp" }
func (a fakeAddr) String() string  { return string(a) }

// TestWhoMakesRoom opens one connection more than the limit, after some history.
func TestWhoMakesRoom(t *testing.T) {
	for _, test := range []struct {
		name string
		// opened, then begun and answered, and begun alone, in this order.
		opened, answered, begun []string
		// later is how long after it another one comes.
		later time.Duration
		want  []string
	}{
		{"the first one that had no request, where most had none", []string{"a:1", "a:2", "a:3"}, []string{"a:1"}, nil, 0, []string{"a:2"}},
		{"not one in its handshake, where most had a request", []string{"a:1", "a:2", "a:3"}, []string{"a:2", "a:1"}, nil, 2 * atWork, []string{"a:2"}},
		{"the one that is idle for longest", []string{"a:1", "a:2", "a:3"}, []string{"a:2", "a:1", "a:3", "a:2"}, nil, 2 * atWork, []string{"a:1"}},
		{"one of the host that has most", []string{"b:1", "a:1", "a:2"}, []string{"b:1", "a:1", "a:2"}, nil, 2 * atWork, []string{"a:1"}},
		{"one whose request is not done after long", []string{"a:1", "a:2", "a:3"}, []string{"a:3"}, []string{"a:1", "a:2", "a:3"}, 2 * atWork, []string{"a:1"}},
		{"one that is idle for longer", []string{"a:1", "a:2", "a:3"}, []string{"a:3"}, []string{"a:1", "a:2"}, 2 * atWork, []string{"a:3"}},
		{"one that had no request, where all others are at work", []string{"a:1", "a:2", "a:3"}, nil, []string{"a:1", "a:2"}, 0, []string{"a:3"}},
		{"the new one itself, where all are at work", []string{"a:1", "a:2", "a:3"}, []string{"a:3"}, []string{"a:1", "a:2"}, 0, []string{"b:9"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newConnections(3)
				conns := map[string]*fakeConn{}
				see := func(names []string, states ...http.ConnState) {
					for _, name := range names {
						if conns[name] == nil {
							conns[name] = &fakeConn{from: name}
						}
						for _, state := range states {
							c.observe(conns[name], state)
						}
						time.Sleep(time.Millisecond)
					}
				}
				see(test.opened, http.StateNew)
				see(test.answered, http.StateActive, http.StateIdle)
				see(test.begun, http.StateActive)
				time.Sleep(test.later)
				see([]string{"b:9"}, http.StateNew)
				var closed []string
				for name, conn := range conns {
					if conn.closed {
						closed = append(closed, name)
						c.observe(conn, http.StateClosed)
					}
				}
				if diff := cmp.Diff(test.want, closed); diff != "" || c.count() != 3 {
					t.Errorf("%d are open; closed (-want +got):\n%s", c.count(), diff)
				}
			})
		})
	}
}

func TestConnectionsLeaveNothingBehind(t *testing.T) {
	c := newConnections(2)
	for i := range 5 {
		conn := &fakeConn{from: "a:" + strconv.Itoa(i)}
		c.observe(conn, http.StateNew)
		if !c.offerHTTP2(&tls.ClientHelloInfo{Conn: conn, SupportedProtos: []string{"h2"}}) {
			t.Error("HTTP/2 is not offered")
		}
		defer c.observe(conn, http.StateClosed)
	}
	for conn := range c.open {
		c.observe(conn, http.StateIdle)
		c.observe(conn, http.StateClosed)
	}
	if len(c.open) != 0 || c.http2 != 0 || len(c.hosts) != 0 {
		t.Errorf("%d open, %d of HTTP/2, of %d hosts", len(c.open), c.http2, len(c.hosts))
	}
}

// TestFewSpeakHTTP2 has one more come than may: it goes on with HTTP/1.1, until
// another one has gone.
func TestFewSpeakHTTP2(t *testing.T) {
	s := start(t)
	dial := func() *tls.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.options.Port), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	var conns []*tls.Conn
	for range maxHTTP2 + 1 {
		conns = append(conns, dial())
	}
	for i, conn := range conns {
		want := "h2"
		if i == maxHTTP2 {
			want = "http/1.1"
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("connection %d speaks %s; want %s", i, got, want)
		}
	}
	if answer, err := s.post("/mutate/dataimportcron", review); err != nil || !strings.Contains(answer, "HTTP/1.1 200 OK") {
		t.Errorf("%s, %v", answer, err)
	}
	if err := conns[0].Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return dial().ConnectionState().NegotiatedProtocol == "h2" })
}

// TestALongHandshakeIsNone sends a certificate where a hello should be: crypto/tls
// would read 256 KiB of it first.
func TestALongHandshakeIsNone(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.options.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	record := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, 0x4000)...)
	copy(record[5:], []byte{11, 4, 0, 0})
	for range maxHandshake/len(record) + 1 {
		// What is refused may be told while it is sent.
		if _, err := conn.Write(record); err != nil {
			return
		}
	}
	if got, err := io.ReadAll(conn); err == nil && len(got) > 0 {
		t.Errorf("it answers %x", got)
	}
}

// TestWhoTakesRequestsBackHasToConnectAnew begins requests by HTTP/2 and does not wait
// for their answers, while one waits for his.
func TestWhoTakesRequestsBackHasToConnectAnew(t *testing.T) {
	s := start(t)
	var connections atomic.Int64
	s.client.Transport = &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connections.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	takeBack := func() {
		ctx, cancel := context.WithCancel(t.Context())
		body, begin := io.Pipe()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://127.0.0.1:"+strconv.Itoa(s.options.Port)+"/validate/ssp", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		go func() {
			// Taken once the request's beginning has been sent.
			_, _ = begin.Write([]byte(" "))
			cancel()
		}()
		if resp, err := s.client.Do(req); err == nil {
			resp.Body.Close()
		}
	}
	answered := func() {
		t.Helper()
		if answer, err := s.post("/validate/dataimportcron", review); err != nil || !strings.Contains(answer, "200 OK") {
			t.Errorf("%s, %v", answer, err)
		}
	}
	// As an API server does, whose clients may go away.
	for range 2 * maxAbandoned {
		takeBack()
		answered()
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections of one that waits for as many answers as not", n)
	}
	eventually(t, func() bool {
		for range maxAbandoned {
			takeBack()
		}
		answered()
		return connections.Load() > 1
	})
}

// TestAnAPIServersHeadersAreTaken: they are the longest where its operator has given it
// a ServiceAccount's token, of 1.1 KB.
func TestAnAPIServersHeadersAreTaken(t *testing.T) {
	s := start(t)
	for _, http2 := range []bool{true, false} {
		req, err := http.NewRequest(http.MethodPost, "https://127.0.0.1:"+strconv.Itoa(s.options.Port)+"/mutate/dataimportcron?timeout=2s", strings.NewReader(review))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Accept": "application/json, */*", "Accept-Encoding": "gzip", "User-Agent": "kube-apiserver-admission", "Content-Type": "application/json",
			"Authorization": "Bearer " + strings.Repeat("x", 1200), "Traceparent": "00-" + strings.Repeat("0", 32) + "-0000000000000000-00",
		} {
			req.Header.Set(name, value)
		}
		resp, err := clientWith(t, nil, nil, http2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || (resp.ProtoMajor == 2) != http2 {
			t.Errorf("%s: %s; HTTP/2 %t", resp.Proto, resp.Status, http2)
		}
	}
}

// TestLongHeadersAreRefused sends more than any API server does. By HTTP/2 a client
// may know the limit, or be told by the end of its connection.
func TestLongHeadersAreRefused(t *testing.T) {
	s := start(t)
	for _, http2 := range []bool{true, false} {
		s.client = clientWith(t, nil, nil, http2)
		req, err := http.NewRequest(http.MethodPost, "https://127.0.0.1:"+strconv.Itoa(s.options.Port)+"/mutate/dataimportcron", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", fmt.Sprintf("%010000d", 0))
		resp, err := s.client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		if refused := err == nil && resp.StatusCode == http.StatusRequestHeaderFieldsTooLarge; !refused && !(http2 && err != nil) {
			t.Errorf("HTTP/2 %t: %v, %v", http2, resp, err)
		}
	}
}
