package app

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
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
	const open, use, wait = "open", "use", "wait"
	type step struct{ what, conn string }
	for _, test := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"the one that had no request for long", []step{{open, "a:1"}, {open, "a:2"}, {open, "a:3"}, {use, "a:1"}, {wait, ""}}, "a:2"},
		{"not one that is in its handshake", []step{{open, "a:1"}, {open, "a:2"}, {use, "a:2"}, {use, "a:1"}, {wait, ""}, {open, "a:3"}}, "a:2"},
		{"one in its handshake where there is no other", []step{{open, "a:1"}, {open, "a:2"}, {open, "a:3"}}, "a:1"},
		{"the one whose request is longest ago, answered or not", []step{{open, "a:1"}, {open, "a:2"}, {open, "a:3"}, {use, "a:2"}, {use, "a:1"}, {use, "a:3"}, {use, "a:2"}}, "a:1"},
		{"one of the host that has most", []step{{open, "b:1"}, {wait, ""}, {open, "a:1"}, {open, "a:2"}, {use, "a:1"}, {use, "a:2"}}, "a:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newConnections(3)
				conns := map[string]*fakeConn{}
				for _, s := range test.steps {
					switch s.what {
					case open:
						conns[s.conn] = &fakeConn{from: s.conn}
						c.observe(conns[s.conn], http.StateNew)
					case use:
						c.use(conns[s.conn])
					case wait:
						time.Sleep(firstRequestTime + time.Millisecond)
					}
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
