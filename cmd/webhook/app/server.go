package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/dicer-dev/dicer/pkg/admission"
)

const (
	// idleTimeout is well above the 90 s after which a Go client, an API server
	// for one, closes a connection that it keeps. The server's end must not be
	// the first: a request on its way then is lost, since a POST is not repeated.
	idleTimeout = 3 * time.Minute
	// headerTimeout bounds what a caller sends before there is a request.
	headerTimeout = 32 * time.Second
	// answerTimeout bounds the requests that are in flight at the very end. An
	// API server waits for 2 s.
	answerTimeout = 10 * time.Second
	// probeTimeout bounds a probe's own connection.
	probeTimeout = 5 * time.Second
	// lookInterval is how often the kept connections are counted then.
	lookInterval = 100 * time.Millisecond
)

// server serves the webhooks over TLS. It takes the place of controller-runtime's
// own, which closes the connections that API servers keep while a request may be
// on its way: they speak HTTP/1.1 to webhooks, which cannot say beforehand that a
// connection ends.
type server struct {
	http     *http.Server
	listener net.Listener
	watcher  *certwatcher.CertWatcher
	kept     connections
	// draining is set once the server was told to stop.
	draining atomic.Bool
}

// newServer listens; a missing certificate and a taken port are errors at start.
func newServer(o *Options, policy *admission.Policy) (*server, error) {
	watcher, err := certwatcher.New(filepath.Join(o.CertDir, "tls.crt"), filepath.Join(o.CertDir, "tls.key"))
	if err != nil {
		return nil, err
	}
	s := &server{watcher: watcher}
	s.http = &http.Server{
		Handler:           s.closing(newMux(policy)),
		ConnState:         s.kept.observe,
		IdleTimeout:       idleTimeout,
		ReadHeaderTimeout: headerTimeout,
	}
	s.listener, err = tls.Listen("tcp", net.JoinHostPort("", strconv.Itoa(o.Port)), &tls.Config{
		GetCertificate: watcher.GetCertificate,
		MinVersion:     tlsVersions[o.TLSMinVersion],
		NextProtos:     []string{"h2", "http/1.1"},
	})
	return s, err
}

// newMux serves each webhook at its path, and counts its calls.
func newMux(policy *admission.Policy) http.Handler {
	// For its mux alone; it is not started.
	hooks := webhook.NewServer(webhook.Options{})
	for path, handler := range map[string]ctrladmission.Handler{
		admission.SSPPath:                    &admission.SSPValidator{Policy: policy},
		admission.DataImportCronMutatePath:   &admission.DataImportCronMutator{Policy: policy},
		admission.DataImportCronValidatePath: &admission.DataImportCronValidator{Policy: policy},
	} {
		hooks.Register(path, &ctrladmission.Webhook{Handler: handler})
	}
	return hooks.WebhookMux()
}

// closing has each answer of a server that was told to stop end its connection:
// the client reads that before it could send another request. (HTTP/2 says it by
// a frame, which Go makes of the same header.)
func (s *server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// serve ends once ctx has ended and the last request is answered.
func (s *server) serve(ctx context.Context) error {
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	watching, stopWatching := context.WithCancel(failed)
	go func() {
		// What is served is right; a restart would cure nothing.
		if err := s.watcher.Start(watching); err != nil {
			log.Log.WithName("webhook").Error(err, "the certificate is not read again")
		}
	}()
	g.Go(func() error {
		defer stopWatching()
		// HTTP/2 comes with TLS's own Serve.
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
		case <-failed.Done():
			return nil
		}
		bounded, cancel := context.WithTimeout(failed, answerTimeout)
		defer cancel()
		if err := s.http.Shutdown(bounded); err != nil {
			return fmt.Errorf("requests are not answered after %s: %w", answerTimeout, err)
		}
		return nil
	})
	return g.Wait()
}

// drain returns once every client has closed the connections that it keeps, or
// limit has ended. Nothing is refused meanwhile.
func (s *server) drain(limit context.Context) {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for s.kept.count() > 0 {
		select {
		case <-limit.Done():
			log.Log.WithName("webhook").Info("stopping although clients keep connections", "connections", s.kept.count())
			return
		case <-ticker.C:
		}
	}
}

// answers is a probe: TLS is served.
func (s *server) answers(r *http.Request) error {
	// Its own certificate may be for another name.
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: probeTimeout}, Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(r.Context(), "tcp", s.listener.Addr().String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// serves is a probe: it was not told to stop.
func (s *server) serves(*http.Request) error {
	if s.draining.Load() {
		return errors.New("told to stop")
	}
	return nil
}
