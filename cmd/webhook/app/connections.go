package app

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections knows those on which a client may send a request at any moment,
// which HTTP/1.1 does not let a server refuse: open ones without a request.
// HTTP/2 is not among them: http.Server.Shutdown ends it without losing one.
type connections struct {
	mu   sync.Mutex
	kept map[net.Conn]struct{}
}

// observe is an http.Server's ConnState.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[net.Conn]struct{}{}
	}
	switch state {
	case http.StateNew:
		// It may be one in store, that is used later.
		c.kept[conn] = struct{}{}
	case http.StateIdle:
		if t, ok := conn.(*tls.Conn); !ok || t.ConnectionState().NegotiatedProtocol != "h2" {
			c.kept[conn] = struct{}{}
		}
	default:
		delete(c.kept, conn)
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.kept)
}
