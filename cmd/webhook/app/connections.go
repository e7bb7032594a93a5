package app

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// lookInterval is how often a server that stops counts its connections.
	lookInterval = 100 * time.Millisecond
	// maxConnections bounds those that are open: each needs 40 KiB, and all API
	// servers together keep some tens.
	maxConnections = 2000
)

// connections knows which are open. It keeps their number below a limit, and tells a
// server that stops of those that speak HTTP/1.1, or may come to: on each a client
// may send a request at any moment, which HTTP/1.1 does not let a server refuse.
// HTTP/2 is not among them: http.Server.Shutdown ends it without losing a request.
type connections struct {
	limit int

	mu   sync.Mutex
	open map[net.Conn]*connection
	// http2 is how many of them speak it.
	http2 int
	// unused had no request yet, idle have none now; the longest so is first.
	unused, idle list.List
}

// connection is in one of the lists, or in none while it has a request.
type connection struct {
	conn    net.Conn
	http2   bool
	in      *list.List
	element *list.Element
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, open: map[net.Conn]*connection{}}
}

// observe is an http.Server's ConnState.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateNew {
		c.add(conn)
		return
	}
	known := c.open[conn]
	if known == nil {
		return // it was closed to make room
	}
	switch state {
	case http.StateActive:
		// Not before: the protocol is known once the client has chosen it.
		if t, ok := conn.(*tls.Conn); ok && !known.http2 && t.ConnectionState().NegotiatedProtocol == "h2" {
			known.http2 = true
			c.http2++
		}
		known.move(nil)
	case http.StateIdle:
		known.move(&c.idle)
	case http.StateClosed, http.StateHijacked:
		c.remove(known)
	}
}

// add makes room where there is none: callers that hold connections without using
// them must not take an API server's. Where all are in use the new one has to go.
func (c *connections) add(conn net.Conn) {
	if len(c.open) >= c.limit {
		oldest := c.unused.Front()
		if oldest == nil {
			oldest = c.idle.Front()
		}
		if oldest == nil {
			shut(conn)
			return
		}
		known := oldest.Value.(*connection)
		c.remove(known)
		shut(known.conn)
	}
	known := &connection{conn: conn}
	known.move(&c.unused)
	c.open[conn] = known
}

func (c *connections) remove(known *connection) {
	known.move(nil)
	delete(c.open, known.conn)
	if known.http2 {
		c.http2--
	}
}

// move puts a connection at the end of a list; nil: of none.
func (k *connection) move(to *list.List) {
	if k.in != nil {
		k.in.Remove(k.element)
	}
	if k.in = to; to != nil {
		k.element = to.PushBack(k)
	}
}

// shut closes without TLS's farewell, which could wait for the other side.
func shut(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	_ = conn.Close() // nobody is there to be told
}

// count returns how many a server that stops waits for.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) - c.http2
}

// none returns once there is none to wait for; false where ctx ends before.
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
