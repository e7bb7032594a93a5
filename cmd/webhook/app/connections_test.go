package app

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/go-logr/logr"
)

// caller is a connection to a server under test.
type caller struct {
	net.Conn
	reader *bufio.Reader
}

// ask sends a request and reads its answer.
func (c caller) ask() error {
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// TestRoomIsMadeForNewConnections opens more than the limit: of those without a
// request the oldest is closed, then of those that had one; never one in use.
func TestRoomIsMadeForNewConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{logger: logr.Discard(), connections: newConnections(3)}
	asked, wait := make(chan struct{}), make(chan struct{})
	server := s.newHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			asked <- struct{}{}
			<-wait
		}
	}))
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	dial := func() caller {
		t.Helper()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return caller{conn, bufio.NewReader(conn)}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	// The server learns of the end of an answer after its client.
	idle := func(n int) {
		t.Helper()
		eventually(t, func() bool {
			s.connections.mu.Lock()
			defer s.connections.mu.Unlock()
			return s.connections.idle.Len() == n
		})
	}
	closed := func(c caller) {
		t.Helper()
		if _, err := c.reader.ReadByte(); err == nil {
			t.Error("it was answered; want it closed")
		}
	}
	used := dial()
	must(used.ask())
	idle(1)
	unused := dial()
	eventually(t, func() bool { return s.connections.count() == 2 })
	second := dial()
	must(second.ask())
	idle(2)
	third := dial() // the fourth connection
	closed(unused)
	must(third.ask())
	idle(3)
	for _, c := range []caller{second, used} {
		must(c.ask())
		idle(3)
	}
	fourth := dial() // nothing is unused: third is idle longest
	closed(third)
	must(fourth.ask())
	for _, c := range []caller{used, second, fourth} {
		fmt.Fprint(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
		<-asked
	}
	closed(dial())
	close(wait)
	for _, c := range []caller{used, second, fourth} {
		resp, err := http.ReadResponse(c.reader, nil)
		must(err)
		if err == nil {
			resp.Body.Close()
		}
	}
	if got := s.connections.count(); got != 3 {
		t.Errorf("%d open; want 3", got)
	}
}
