package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// lookInterval is how often a server that stops counts its connections.
const lookInterval = 100 * time.Millisecond

// connections knows those that speak HTTP/1.1, or may come to: on each a client
// may send a request at any moment, which HTTP/1.1 does not let a server refuse.
// HTTP/2 is not among them: http.Server.Shutdown ends it without losing a request.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

// observe is an http.Server's ConnState.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if c.open == nil {
			c.open = map[net.Conn]struct{}{}
		}
		c.open[conn] = struct{}{}
	case http.StateActive:
		// Not before: the protocol is known once the client has chosen it.
		if t, ok := conn.(*tls.Conn); ok && t.ConnectionState().NegotiatedProtocol == "h2" {
			delete(c.open, conn)
		}
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// none returns once there is none; false where ctx ends before.
func (c *connections) none(ctx context.Context) bool {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for c.count() > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}
