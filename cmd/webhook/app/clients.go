package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// clientCAInterval is how often the file of the clients' CAs is read again.
const clientCAInterval = 10 * time.Second

// clients is who may call: whoever has a certificate of a CA and, where names are
// set, of one of them.
type clients struct {
	path   string
	names  []string
	logger logr.Logger
	cas    atomic.Pointer[clientCAs]
}

type clientCAs struct {
	pem  []byte
	pool *x509.CertPool
}

// newClients reads the CAs, in PEM, at path. Without names any name will do.
func newClients(path string, names []string, logger logr.Logger) (*clients, error) {
	c := &clients{path: path, names: names, logger: logger}
	return c, c.read()
}

// read replaces the CAs by those in the file. What cannot be read changes nothing.
func (c *clients) read() error {
	pem, err := os.ReadFile(c.path)
	if err != nil {
		return fmt.Errorf("reading the clients' CAs: %w", err)
	}
	if known := c.cas.Load(); known != nil && bytes.Equal(known.pem, pem) {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("reading the clients' CAs: %s holds no certificate in PEM", c.path)
	}
	c.cas.Store(&clientCAs{pem: pem, pool: pool})
	c.logger.Info("clients' CAs read", "path", c.path)
	return nil
}

// watch reads the file again until ctx ends.
func (c *clients) watch(ctx context.Context) {
	ticker := time.NewTicker(clientCAInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := c.read(); err != nil {
				c.logger.Error(err, "the clients' CAs stay as they are")
			}
		}
	}
}

// configure has a server ask for a certificate and look at it on each connection, a
// resumed one too.
func (c *clients) configure(config *tls.Config) {
	// Any: it is verified below, against the CAs of the moment.
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyConnection = c.verify
}

func (c *clients) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("no client certificate")
	}
	leaf, intermediates := state.PeerCertificates[0], x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		intermediates.AddCert(cert)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.cas.Load().pool, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return fmt.Errorf("client certificate: %w", err)
	}
	if len(c.names) == 0 || slices.Contains(c.names, leaf.Subject.CommonName) ||
		slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return slices.Contains(c.names, name) }) {
		return nil
	}
	return fmt.Errorf("client certificate of %q: its name is not among --client-allowed-names", leaf.Subject.CommonName)
}

// known tells whether a request's client may still call. A connection may last for
// ever: its certificate can have ended since it began, and its CA be gone.
func (c *clients) known(p *peer, state *tls.ConnectionState) bool {
	cas := c.cas.Load()
	if p.trusted.Load() == cas && time.Now().Before(state.PeerCertificates[0].NotAfter) {
		return true
	}
	if c.verify(*state) != nil {
		return false
	}
	p.trusted.Store(cas)
	return true
}
