package app

import (
	"errors"
	"net"
	"sync/atomic"
)

// limitedListener accepts connections of which maxHandshake is read until their
// first request has begun.
type limitedListener struct{ net.Listener }

// Accept implements net.Listener.
func (l limitedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &limitedConn{Conn: conn, left: maxHandshake}, nil
}

type limitedConn struct {
	net.Conn
	begun atomic.Bool
	// left is how much may be read until it has begun; its reader's alone.
	left int
}

var errHandshakeTooLong = errors.New("too much was sent before a first request")

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
