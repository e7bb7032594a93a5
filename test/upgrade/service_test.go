package upgrade

import (
	"io"
	"net"
	"slices"
	"sync"
)

// service spreads connections over replicas, and closes none that is made. Which
// replicas there are it is told.
type service struct {
	listener net.Listener
	group    sync.WaitGroup

	mu       sync.Mutex
	replicas []string
	next     int
}

func newService() (*service, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{listener: listener}
	s.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.group.Go(func() { s.serve(conn) })
		}
	})
	return s, nil
}

// close waits for the connections, whose replicas have to be gone.
func (s *service) close() {
	_ = s.listener.Close()
	s.group.Wait()
}

func (s *service) address() string { return s.listener.Addr().String() }

func (s *service) add(replica string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas = append(s.replicas, replica)
}

func (s *service) remove(replica string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas = slices.DeleteFunc(s.replicas, func(other string) bool { return other == replica })
}

// choose takes them in turn.
func (s *service) choose() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replicas) == 0 {
		return ""
	}
	s.next++
	return s.replicas[s.next%len(s.replicas)]
}

// serve ends once either side has closed its end, after what it had sent.
func (s *service) serve(client net.Conn) {
	defer client.Close()
	replica, err := net.Dial("tcp", s.choose())
	if err != nil {
		return
	}
	defer replica.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{replica, client}, {client, replica}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // an end of the connection is an end
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
}
