package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
)

// oneConnection is a listener with one connection to accept.
type oneConnection chan net.Conn

func (l oneConnection) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l oneConnection) Close() error   { close(l); return nil }
func (l oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

// TestWhenTheServerEndsAConnection is in a time of its own: a connection that is
// not used lasts longer than an API server keeps it, a request that stalls does not.
func TestWhenTheServerEndsAConnection(t *testing.T) {
	for _, test := range []struct {
		name, send string
		want       time.Duration
	}{
		{"without a request", "", headerTimeout},
		{"after a request", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", idleTimeout},
		{"in a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo", requestTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{logger: logr.Discard(), connections: newConnections(1)}
				server := s.newHTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body) // when it ends is what is tested
				}))
				listener := make(oneConnection, 1)
				ours, theirs := net.Pipe()
				listener <- theirs
				go func() { _ = server.Serve(listener) }()
				defer server.Close()
				started := time.Now()
				go fmt.Fprint(ours, test.send)
				if _, err := io.Copy(io.Discard, ours); err != nil {
					t.Error(err)
				}
				if got := time.Since(started); got != test.want {
					t.Errorf("after %s; want %s", got, test.want)
				}
			})
		})
	}
}
