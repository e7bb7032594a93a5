package app

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
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

// stall sends half of a body, over HTTP/2 or HTTP/1.1, and returns what comes of it:
// an error where the server cuts it.
func (s *running) stall(t *testing.T, http2 bool, size int) error {
	half := strings.Repeat(" ", size/2)
	if !http2 {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.options.Port), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /validate/ssp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", size, half); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	body, send := io.Pipe()
	defer send.Close()
	go func() { _, _ = io.WriteString(send, half) }() // the rest never comes
	req, err := http.NewRequest(http.MethodPost, "https://127.0.0.1:"+strconv.Itoa(s.options.Port)+"/validate/ssp", body)
	if err != nil {
		return err
	}
	req.ContentLength = int64(size)
	req.Header.Set("Content-Type", "application/json")
	resp, err := clientWith(t, nil, nil, true).Do(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// TestStalledBodiesMakeRoom leaves as many unfinished as there is room for, by each
// protocol: others are answered, and one of them is cut. (Those that are not end after
// a while, which they are told.)
func TestStalledBodiesMakeRoom(t *testing.T) {
	s := start(t)
	const size = 7 << 20
	whole := strings.Repeat(" ", size-len(review)) + review
	for _, http2 := range []bool{true, false} {
		ends := make(chan error, 3)
		for range cap(ends) {
			go func() { ends <- s.stall(t, http2, size) }()
		}
		answered, cut := false, false
		eventually(t, func() bool {
			answer, err := s.post("/validate/dataimportcron", whole)
			// On a busy machine it may come too late to be answered.
			if ok := err == nil && strings.Contains(answer, `"allowed":true`); ok {
				answered = true
			} else if err != nil || !strings.Contains(answer, "503 Service Unavailable") {
				t.Errorf("HTTP/2 %t: %.200s, %v", http2, answer, err)
			}
			select {
			case err := <-ends:
				cut = cut || err != nil
				go func() { ends <- s.stall(t, http2, size) }()
			default:
			}
			return answered && cut
		})
		// So that the next ones are alone.
		for range cap(ends) {
			<-ends
		}
	}
}
