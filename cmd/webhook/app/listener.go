package app

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync/atomic"
)

// limitedListener accepts connections that are limited until they are used: in what
// is read of them, to maxHandshake, and in what processors they have.
type limitedListener struct {
	net.Listener
	// handshakes are those that have a processor at a time: half of them, so that
	// requests on the other connections need not wait where many come at once.
	handshakes chan struct{}
}

func newLimitedListener(l net.Listener) *limitedListener {
	return &limitedListener{l, make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &limitedConn{Conn: conn, handshakes: l.handshakes, left: maxHandshake}, nil
}

type limitedConn struct {
	net.Conn
	handshakes chan struct{}
	// shaking tells that it is one of them.
	shaking, closed, begun atomic.Bool
	// left is how much may be read until it has begun; its reader's alone.
	left int
}

var (
	errHandshakeTooLong = errors.New("too much was sent before a first request")
	errMadeRoom         = errors.New("closed to make room")
)

// shake waits for its turn. A client's hello has been read then, and what costs
// comes before the answer to it is written.
func (c *limitedConn) shake(ctx context.Context) error {
	select {
	case c.handshakes <- struct{}{}:
		c.shaking.Store(true)
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.closed.Load() {
		c.shaken()
		return errMadeRoom
	}
	return nil
}

func (c *limitedConn) shaken() {
	if c.shaking.CompareAndSwap(true, false) {
		<-c.handshakes
	}
}

// Read implements io.Reader.
func (c *limitedConn) Read(into []byte) (int, error) {
	if c.begun.Load() {
		return c.Conn.Read(into)
	}
	if c.left <= 0 {
		return 0, errHandshakeTooLong
	}
	n, err := c.Conn.Read(into[:min(len(into), c.left)])
	c.left -= n
	return n, err
}

// Write implements io.Writer.
func (c *limitedConn) Write(content []byte) (int, error) {
	c.shaken()
	return c.Conn.Write(content)
}

// Close implements io.Closer.
func (c *limitedConn) Close() error {
	c.closed.Store(true)
	c.shaken()
	return c.Conn.Close()
}
