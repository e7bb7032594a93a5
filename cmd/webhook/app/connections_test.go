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
	"testing"

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
		// opened and then used, in this order.
		opened, used []string
		want         string
	}{
		{"the first one that had no request, where most had none", []string{"a:1", "a:2", "a:3"}, []string{"a:1"}, "a:2"},
		{"not one in its handshake, where most had a request", []string{"a:1", "a:2", "a:3"}, []string{"a:2", "a:1"}, "a:2"},
		{"the one whose request is longest ago, answered or not", []string{"a:1", "a:2", "a:3"}, []string{"a:2", "a:1", "a:3", "a:2"}, "a:1"},
		{"one of the host that has most", []string{"b:1", "a:1", "a:2"}, []string{"a:1", "a:2"}, "a:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConnections(3)
			conns := map[string]*fakeConn{}
			for _, name := range test.opened {
				conns[name] = &fakeConn{from: name}
				c.observe(conns[name], http.StateNew)
			}
			for _, name := range test.used {
				c.use(conns[name])
			}
			c.observe(&fakeConn{from: "b:9"}, http.StateNew)
			var closed []string
			for name, conn := range conns {
				if conn.closed {
					closed = append(closed, name)
					c.observe(conn, http.StateClosed)
				}
			}
			if diff := cmp.Diff([]string{test.want}, closed); diff != "" || c.count() != 3 {
				t.Errorf("%d are open; closed (-want +got):\n%s", c.count(), diff)
			}
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

// TestWhoTakesRequestsBackIsCut begins requests by HTTP/2 and does not wait for their
// answers.
func TestWhoTakesRequestsBackIsCut(t *testing.T) {
	s := start(t)
	connections := map[net.Conn]bool{}
	s.client.Transport = &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			connections[conn] = true
			return conn, err
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
	eventually(t, func() bool {
		for range maxAbandoned {
			takeBack()
		}
		return len(connections) > 1
	})
	if answer, err := s.post("/validate/dataimportcron", review); err != nil || !strings.Contains(answer, "200 OK") {
		t.Errorf("%s, %v", answer, err)
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
