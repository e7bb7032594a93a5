//go:build chaos

package hostile

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// attack is one kind of it.
type attack struct {
	name string
	run  func(*attacker)
	// near is from the well-behaved callers' own address, which the server cannot
	// tell from theirs. A new connection of theirs may have to make room then.
	near bool
}

// attacks are all of them, as the table lists them.
var attacks = []attack{
	{name: "slow handshakes", run: slowHandshakes},
	{name: "slow headers", run: slowHeaders},
	{name: "long headers, unfinished", run: longHeaders},
	{name: "slow bodies", run: slowBodies},
	{name: "slow bodies, near", run: slowBodies, near: true},
	{name: "large bodies, unfinished", run: unfinishedBodies},
	{name: "large bodies, begun", run: begunBodies},
	{name: "7 MiB bodies, and a byte more", run: largeBodies},
	{name: "10,000 idle connections", run: idleConnections},
	{name: "10,000 idle connections, near", run: idleConnections, near: true},
	{name: "connections used once", run: usedOnce},
	{name: "connections used once, near", run: usedOnce, near: true},
	{name: "handshakes", run: handshakes},
	{name: "requests", run: requests},
	{name: "HTTP/2: slow bodies", run: slowStreams},
	{name: "HTTP/2: large frames, unread", run: fullWindows},
	{name: "HTTP/2: answers not read", run: unreadAnswers},
	{name: "HTTP/2: rapid resets", run: rapidResets},
	{name: "HTTP/2: PINGs", run: pings},
	{name: "HTTP/2: SETTINGS", run: settings},
	{name: "HTTP/2: CONTINUATIONs", run: continuations},
	{name: "HTTP/2: idle connections", run: idleHTTP2},
}

func attackNamed(name string) (attack, error) {
	for _, a := range attacks {
		if a.name == name {
			return a, nil
		}
	}
	return attack{}, fmt.Errorf("no attack %q", name)
}

// far is where attackers are: loopback has more than one address on Linux.
const far = "127.0.0.2"

// pause is before a connection that was closed is opened again.
const pause = time.Second

// attacker counts what it does.
type attacker struct {
	ctx     context.Context
	address string
	dialer  *net.Dialer
	running sync.WaitGroup

	connections, requests, refused, open, most atomic.Int64
}

func newAttacker(ctx context.Context, address string, near bool) *attacker {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !near {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(far)}
	}
	return &attacker{ctx: ctx, address: address, dialer: dialer}
}

func (a *attacker) wait() { a.running.Wait() }

func (a *attacker) result() result {
	return result{a.connections.Load(), a.requests.Load(), a.refused.Load(), a.most.Load()}
}

// callers has n of them do something again and again, with a pause after each.
func (a *attacker) callers(n int, pause time.Duration, do func() error) {
	for i := range n {
		a.running.Add(1)
		go func() {
			defer a.running.Done()
			// Not all at the same moment.
			a.sleep(pause * time.Duration(i) / time.Duration(n))
			for a.ctx.Err() == nil {
				if err := do(); err != nil && a.ctx.Err() == nil {
					a.refused.Add(1)
				}
				a.sleep(pause)
			}
		}()
	}
}

func (a *attacker) sleep(d time.Duration) {
	select {
	case <-a.ctx.Done():
	case <-time.After(d):
	}
}

// dial returns a connection that is closed at the attack's end at the latest.
func (a *attacker) dial() (net.Conn, func(), error) {
	conn, err := a.dialer.DialContext(a.ctx, "tcp", a.address)
	if err != nil {
		return nil, nil, err
	}
	a.connections.Add(1)
	now := a.open.Add(1)
	for most := a.most.Load(); now > most && !a.most.CompareAndSwap(most, now); most = a.most.Load() {
	}
	stop := context.AfterFunc(a.ctx, func() { _ = conn.Close() })
	return conn, func() {
		stop()
		a.open.Add(-1)
		_ = conn.Close() // it may be closed already
	}, nil
}

// dialTLS returns one after its handshake.
func (a *attacker) dialTLS(protocol string) (*tls.Conn, func(), error) {
	raw, done, err := a.dial()
	if err != nil {
		return nil, nil, err
	}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err := conn.HandshakeContext(a.ctx); err != nil {
		done()
		return nil, nil, err
	}
	return conn, done, nil
}

// hold returns once the server has closed a connection, which is an error here.
func hold(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	if err == nil {
		err = io.EOF
	}
	return err
}

// trickle sends one byte of content a second, until the server has enough.
func (a *attacker) trickle(conn net.Conn, content []byte) error {
	for _, b := range content {
		if _, err := conn.Write([]byte{b}); err != nil {
			return err
		}
		a.sleep(time.Second)
	}
	return hold(conn)
}
