//go:build chaos

package chaos

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// probePeriod is how often a replica is asked whether it is ready.
	probePeriod = 200 * time.Millisecond
	// endpointLag is how long new connections still go to a replica that is not
	// ready any more: as on nodes until they have heard of it.
	endpointLag = 2 * time.Second
)

// balancer is a Service: it spreads connections over the replicas that are ready,
// as far as it knows, and closes none that is made.
type balancer struct {
	listener net.Listener
	group    sync.WaitGroup

	mu       sync.Mutex
	backends []*backend
	next     int
	conns    map[net.Conn]bool
}

// backend is a replica to a balancer.
type backend struct {
	address string
	ready   func(context.Context) error
	// listed tells that it gets new connections.
	listed bool
	stop   context.CancelFunc
}

func newBalancer() (*balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: listener, conns: map[net.Conn]bool{}}
	b.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.group.Go(func() { b.serve(conn) })
		}
	})
	return b, nil
}

func (b *balancer) port() int { return b.listener.Addr().(*net.TCPAddr).Port }

// close ends everything, and waits for it.
func (b *balancer) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	for _, backend := range b.backends {
		backend.stop()
	}
	b.mu.Unlock()
	b.cut()
	b.group.Wait()
}

// cut closes all connections that are made, as a failing network does.
func (b *balancer) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for conn := range b.conns {
		_ = conn.Close()
	}
}

// add has a replica be probed from now on.
func (b *balancer) add(address string, ready func(context.Context) error) *backend {
	ctx, stop := context.WithCancel(context.Background())
	added := &backend{address: address, ready: ready, stop: stop}
	b.mu.Lock()
	b.backends = append(b.backends, added)
	b.mu.Unlock()
	b.group.Go(func() { b.probe(ctx, added) })
	return added
}

func (b *balancer) remove(gone *backend) {
	gone.stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = slices.DeleteFunc(b.backends, func(other *backend) bool { return other == gone })
}

func (b *balancer) probe(ctx context.Context, probed *backend) {
	for {
		ready := probed.ready(ctx) == nil
		if !ready && b.lists(probed) && !sleep(ctx, endpointLag) {
			return
		}
		b.mu.Lock()
		probed.listed = ready
		b.mu.Unlock()
		if !sleep(ctx, probePeriod) {
			return
		}
	}
}

// lists tells whether a replica gets new connections.
func (b *balancer) lists(backend *backend) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return backend.listed
}

// sleep returns false where ctx ends before.
func sleep(ctx context.Context, during time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(during):
		return true
	}
}

// choose takes them in turn; "" where no replica is ready.
func (b *balancer) choose() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.next++
		if backend := b.backends[b.next%len(b.backends)]; backend.listed {
			return backend.address
		}
	}
	return ""
}

func (b *balancer) serve(client net.Conn) {
	address := b.choose()
	if address == "" {
		refuse(client)
		return
	}
	server, err := net.Dial("tcp", address)
	if err != nil {
		refuse(client)
		return
	}
	b.keep(client, server)
	defer b.forget(client, server)
	var both sync.WaitGroup
	both.Go(func() { copyUntilEnd(server, client) })
	both.Go(func() { copyUntilEnd(client, server) })
	both.Wait()
}

func (b *balancer) keep(conns ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range conns {
		b.conns[conn] = true
	}
}

func (b *balancer) forget(conns ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(b.conns, conn)
	}
}

// refuse resets a connection: a node without an endpoint would not have made it.
func refuse(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// copyUntilEnd hands on the end of a connection as it came: a half of it, or all.
func copyUntilEnd(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if err == nil {
		err = to.(*net.TCPConn).CloseWrite()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		refuse(to)
		refuse(from)
	}
}
