package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/dicer-dev/dicer/pkg/admission"
)

const (
	// clientTimeout is when a Go client, an API server for one, closes a
	// connection that it keeps. The server's end must not be the first: a request
	// that is on its way then is lost, since a POST is not repeated.
	clientTimeout = 90 * time.Second
	// idleTimeout bounds a connection that has had a request.
	idleTimeout = 2 * clientTimeout
	// headerTimeout bounds one that has had none: a client may have put it in
	// store as it is.
	headerTimeout = 2 * clientTimeout
	// requestTimeout bounds a request's body, and its answer: the longest that a
	// webhook configuration may have an API server wait. It bounds the handshake
	// too.
	requestTimeout = 30 * time.Second
	// answerTimeout bounds what is in flight at the very end.
	answerTimeout = 10 * time.Second
	// probeTimeout bounds a probe's own connection.
	probeTimeout = 5 * time.Second
	// maxHeader bounds what is read of a request before its body (net/http adds
	// 4 KiB to it in HTTP/1.1): an API server sends some hundred bytes, and a token
	// where its operator has configured one. Read, short lines are 16 times as long;
	// of the default, 1 MiB, twenty connections would be too much.
	maxHeader = 2 << 10
	// maxFrame and maxStreamWindow bound what an HTTP/2 connection keeps that nobody
	// has read yet; of the windows of a connection, 1 MiB, one stream does not have
	// all.
	maxFrame, maxStreamWindow = 16 << 10, 256 << 10
	// maxStreams bounds the requests at once on a connection of HTTP/2; net/http ends
	// one that takes back many more.
	maxStreams = 250
)

// server serves the webhooks over TLS. It takes the place of controller-runtime's
// own, which closes the connections that API servers keep while a request may be
// on its way: they speak HTTP/1.1 to webhooks, which cannot say beforehand that a
// connection ends.
type server struct {
	http        *http.Server
	listener    net.Listener
	certificate *certificate
	// clients is nil where anybody may call.
	clients     *clients
	connections *connections
	logger      logr.Logger
	// draining is set once the server was told to stop.
	draining atomic.Bool
}

// newServer listens; a missing certificate and a taken port are errors at start.
func newServer(o *Options, policy *admission.Policy) (*server, error) {
	s := &server{logger: log.Log.WithName("webhook"), connections: newConnections(maxConnections)}
	s.http = s.newHTTP(newMux(policy))
	var err error
	if s.certificate, err = newCertificate(o.CertDir, s.logger); err != nil {
		return nil, err
	}
	config := &tls.Config{
		GetCertificate: s.certificate.get,
		MinVersion:     tlsVersions[o.TLSMinVersion],
		NextProtos:     []string{"http/1.1"},
	}
	if o.ClientCAFile != "" {
		if s.clients, err = newClients(o.ClientCAFile, o.ClientAllowedNames, s.logger); err != nil {
			return nil, err
		}
		s.clients.configure(config)
	}
	withHTTP2 := config.Clone()
	withHTTP2.NextProtos = []string{"h2", "http/1.1"}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if s.connections.offerHTTP2(hello) {
			return withHTTP2, nil
		}
		return nil, nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(o.Port)))
	if err != nil {
		return nil, err
	}
	s.listener = tls.NewListener(limitedListener{listener}, config)
	s.logger.Info("serving", "address", s.listener.Addr().String())
	return s, nil
}

// newHTTP has the limits of a connection and of a request.
func (s *server) newHTTP(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           s.bounded(handler),
		ConnState:         s.connections.observe,
		ConnContext:       withPeer,
		IdleTimeout:       idleTimeout,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      requestTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame, MaxReceiveBufferPerStream: maxStreamWindow,
		},
		// Or "OPTIONS *" is answered by 200, as nothing but a review may be.
		DisableGeneralOptionsHandler: true,
		// What callers do wrong, each probe's short connection among it.
		ErrorLog: slog.NewLogLogger(logr.ToSlogHandler(s.logger.V(1)), slog.LevelInfo),
	}
}

// peer is who a connection comes from.
type peer struct {
	// trusted are the CAs that its certificate was last verified against.
	trusted atomic.Pointer[clientCAs]
	// abandoned are the requests that it did not wait for, less those for which it did.
	abandoned atomic.Int64
}

// peerKey is where the context of a request has it.
type peerKey struct{}

// withPeer is an http.Server's ConnContext.
func withPeer(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, &peer{})
}

// waited notes whether it has waited for an answer.
func (p *peer) waited(it bool) {
	if !it {
		p.abandoned.Add(1)
	} else if p.abandoned.Load() > 0 {
		p.abandoned.Add(-1)
	}
}

// newMux serves each webhook at its path, and counts its calls.
func newMux(policy *admission.Policy) http.Handler {
	// For its mux alone; it is not started.
	hooks := webhook.NewServer(webhook.Options{})
	handlers := policy.Handlers(log.Log.WithName("admission"))
	for path, handler := range handlers {
		hooks.Register(path, handler)
	}
	mux := hooks.WebhookMux()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect from a path that it can clean, which is no answer
		// to a review.
		if handlers[r.URL.Path] == nil {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// bounded bounds a request's body, and has answers end their connections where they
// have to.
func (s *server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not http.Server's ReadTimeout, which counts from when the connection was
		// made, and would end a request on one from the store.
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
			s.logger.V(1).Info("a request without a time limit", "error", err.Error())
		}
		if r.ProtoMajor == 1 {
			w = &ending{w, &s.draining}
		}
		p := r.Context().Value(peerKey{}).(*peer)
		if p.abandoned.Load() > maxAbandoned {
			// What is in flight is answered yet.
			w.Header().Set("Connection", "close")
		}
		if s.clients != nil && !s.clients.known(p, r.TLS) {
			w.Header().Set("Connection", "close")
			http.Error(w, "dicer: the client certificate is not accepted any more", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
		p.waited(r.Context().Err() == nil)
	})
}

// ending has each answer of a server that was told to stop, be it since the request
// came, end its connection: the client reads that before it could send another
// request.
//
// In HTTP/1.1 alone. An HTTP/2 client has further requests on their way by then, and
// a connection that it makes in place of this one may meet a server that stops, too:
// a request that came too late for three of them waits for 3 s, longer than an API
// server does. http.Server.Shutdown ends those connections once nobody is sent here.
type ending struct {
	http.ResponseWriter
	draining *atomic.Bool
}

// Unwrap is for http.ResponseController.
func (e *ending) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *ending) WriteHeader(code int) {
	e.end()
	e.ResponseWriter.WriteHeader(code)
}

func (e *ending) Write(content []byte) (int, error) {
	e.end()
	return e.ResponseWriter.Write(content)
}

func (e *ending) end() {
	if e.draining.Load() {
		e.Header().Set("Connection", "close")
	}
}

// serve ends once ctx has ended and the last request is answered.
func (s *server) serve(ctx context.Context) error {
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	watching, stopWatching := context.WithCancel(failed)
	defer stopWatching()
	g.Go(func() error {
		if err := s.certificate.Start(watching); err != nil {
			// What is served is right; a restart would cure nothing.
			s.logger.Error(err, "the certificate is not read again")
		}
		return nil
	})
	if s.clients != nil {
		g.Go(func() error {
			s.clients.watch(watching)
			return nil
		})
	}
	g.Go(func() error {
		defer stopWatching()
		// HTTP/2 comes with TLS's own Serve.
		if err := s.http.Serve(s.listener); ctx.Err() == nil && !s.draining.Load() {
			return err
		}
		return nil
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
			s.end(failed)
		case <-failed.Done():
		}
		return nil
	})
	return g.Wait()
}

// end answers what is in flight.
func (s *server) end(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	// The listener's own error: drain has closed it before.
	if err := s.http.Shutdown(bounded); err != nil && !errors.Is(err, net.ErrClosed) {
		s.logger.Info("requests are not answered", "timeout", answerTimeout.String(), "connections", s.connections.count())
		_ = s.http.Close() // its connections are on nobody's mind any more
	}
}

// serveOn returns once the server may end: ctx has ended, and after it the time in
// which clients may still come. Nothing is waited for once failed has ended.
func (s *server) serveOn(ctx, failed context.Context, o *Options) {
	select {
	case <-ctx.Done():
	case <-failed.Done():
		return
	}
	limit, cancel := context.WithTimeout(failed, o.ShutdownTimeout)
	defer cancel()
	s.draining.Store(true)
	s.logger.Info("stopping: not ready, still serving", "delay", o.ShutdownDelay.String(), "timeout", o.ShutdownTimeout.String())
	select {
	case <-time.After(o.ShutdownDelay):
	case <-failed.Done():
	}
	s.drain(limit)
}

// drain returns once clients have closed all the connections that they keep, or
// limit has ended. Nothing is refused meanwhile: the last ones may come late.
func (s *server) drain(limit context.Context) {
	if s.connections.none(limit) {
		_ = s.listener.Close() // what matters is that nobody comes any more
	}
	if !s.connections.none(limit) {
		s.logger.Info("stopping although clients keep connections", "connections", s.connections.count())
	}
}

// serves is a probe: it was not told to stop.
func (s *server) serves(*http.Request) error {
	if s.draining.Load() {
		return errors.New("told to stop")
	}
	return nil
}
