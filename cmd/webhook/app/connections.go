package app

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// lookInterval is how often a server that stops counts its connections.
	lookInterval = 100 * time.Millisecond
	// maxConnections bounds those that are open: each needs 40 KiB, 130 KiB at the
	// worst. An API server has as many as it has writes in flight at once, by default
	// 200 at most, and keeps 25 of them.
	maxConnections = 1200
	// maxHTTP2 bounds those of them that speak HTTP/2, which costs as many requests at
	// once as it allows. API servers speak it to a loopback address, HTTP/1.1 to a
	// Service.
	maxHTTP2 = 8
	// maxHandshake bounds what is read of a connection before it is one: crypto/tls
	// would keep 256 KiB of each. A handshake takes 2 KiB, and some more where the
	// client has certificates.
	maxHandshake = 32 << 10
	// atWork is how long after a request has come, or was answered, a connection is left
	// alone, whoever needs room: an API server's is answered within milliseconds, and
	// the next one may be on its way.
	atWork = 500 * time.Millisecond
	// maxAbandoned bounds the requests on a connection whose client did not wait for
	// the answer, beyond as many for which it did: begun and taken back in a row, they
	// cost the server alone.
	maxAbandoned = 100
)

// connections knows which are open. It keeps their number below a limit, and tells a
// server that stops of those that speak HTTP/1.1, or may come to: on each a client
// may send a request at any moment, which HTTP/1.1 does not let a server refuse.
// HTTP/2 is not among them: http.Server.Shutdown ends it without losing a request.
type connections struct {
	limit int

	mu sync.Mutex
	// open are all of them, by what is below TLS.
	open map[net.Conn]*connection
	// http2 is how many of them speak it.
	http2 int
	// unused had no request yet; the longest so is first.
	unused list.List
	hosts  map[string]*host
}

// host is where connections come from.
type host struct {
	address string
	open    int
	// idle have no request now, active have one; the longest so is first.
	idle, active list.List
}

// connection is in one of the lists.
type connection struct {
	conn    net.Conn
	http2   bool
	host    *host
	in      *list.List
	element *list.Element
	// since is when it came into its list.
	since time.Time
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, open: map[net.Conn]*connection{}, hosts: map[string]*host{}}
}

// observe is an http.Server's ConnState.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn = below(conn)
	known := c.open[conn]
	switch {
	case state == http.StateNew:
		c.add(conn)
	case known == nil: // it was closed to make room
	case state == http.StateActive:
		known.begun()
		known.move(&known.host.active)
	case state == http.StateIdle:
		known.move(&known.host.idle)
	case state == http.StateClosed || state == http.StateHijacked:
		c.remove(known)
	}
}

// offerHTTP2 tells whether a connection may speak it. A client that may not goes on
// with HTTP/1.1.
func (c *connections) offerHTTP2(hello *tls.ClientHelloInfo) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[below(hello.Conn)]
	if known == nil || known.http2 || !slices.Contains(hello.SupportedProtos, "h2") || c.http2 >= maxHTTP2 {
		return false
	}
	known.http2 = true
	c.http2++
	return true
}

// add makes room where there is none. Where nobody can make it the new one has to go.
func (c *connections) add(conn net.Conn) {
	if len(c.open) >= c.limit {
		old := c.oldest()
		if old == nil {
			_ = conn.Close() // nobody is there to be told
			return
		}
		c.remove(old)
		_ = old.conn.Close() // as above
	}
	address, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		address = conn.RemoteAddr().String()
	}
	h := c.hosts[address]
	if h == nil {
		h = &host{address: address}
		c.hosts[address] = h
	}
	known := &connection{conn: conn, host: h}
	known.move(&c.unused)
	c.open[conn] = known
	h.open++
}

// oldest is what makes room. Where most have had no request yet it is one of these:
// one in its handshake stays where they are few. Else it is of the host that has most
// connections, since callers that hold them must not take an API server's: the one
// that has been idle, or with the same request, for longest.
func (c *connections) oldest() *connection {
	unused := first(&c.unused)
	if c.unused.Len() > c.limit/2 {
		return unused
	}
	var most *host
	for _, h := range c.hosts {
		if most == nil || h.open > most.open {
			most = h
		}
	}
	old, active := first(&most.idle), first(&most.active)
	if old == nil || (active != nil && active.since.Before(old.since)) {
		old = active
	}
	if old == nil || time.Since(old.since) < atWork {
		return unused
	}
	return old
}

func first(l *list.List) *connection {
	if l.Front() == nil {
		return nil
	}
	return l.Front().Value.(*connection)
}

func (c *connections) remove(known *connection) {
	known.move(nil)
	delete(c.open, known.conn)
	if known.http2 {
		c.http2--
	}
	if known.host.open--; known.host.open == 0 {
		delete(c.hosts, known.host.address)
	}
}

// begun ends the limit on what is read of a connection.
func (k *connection) begun() {
	if limited, ok := k.conn.(*limitedConn); ok {
		limited.begun.Store(true)
	}
}

// move puts a connection at the end of a list; nil: of none.
func (k *connection) move(to *list.List) {
	if k.in != nil {
		k.in.Remove(k.element)
	}
	if k.in, k.since = to, time.Now(); to != nil {
		k.element = to.PushBack(k)
	}
}

// below returns what TLS is spoken on. Closed there, no farewell of TLS's waits for
// the other side.
func below(conn net.Conn) net.Conn {
	if t, ok := conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return conn
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
