package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// expiryMargin is how long before its end a certificate makes the server not
// ready: endpoints take that time to leave every API server's view.
const expiryMargin = 30 * time.Second

// certificate is what the server serves with. It reads the files again when they
// change; what cannot be read, or does not fit together, changes nothing.
type certificate struct {
	*certwatcher.CertWatcher
	logger logr.Logger
	// good is the last one that was valid when it was served.
	good atomic.Pointer[tls.Certificate]
}

// newCertificate reads tls.crt and tls.key in dir.
func newCertificate(dir string, logger logr.Logger) (*certificate, error) {
	watcher, err := certwatcher.New(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		return nil, err
	}
	return &certificate{CertWatcher: watcher, logger: logger}, nil
}

// get is a tls.Config's GetCertificate: the newest; the one before it where the
// newest has expired or is not valid yet, and that one is.
func (c *certificate) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	newest, err := c.GetCertificate(hello)
	if err != nil || newest == nil {
		return newest, err
	}
	good := c.good.Load()
	if newest == good {
		return newest, nil
	}
	now := time.Now()
	if validAt(newest, now) {
		c.good.Store(newest)
		return newest, nil
	}
	if good != nil && validAt(good, now) {
		c.logger.V(1).Info("the certificate on disk is not valid now; serving with the one before it",
			"notBefore", newest.Leaf.NotBefore, "notAfter", newest.Leaf.NotAfter)
		return good, nil
	}
	return newest, nil
}

func validAt(cert *tls.Certificate, at time.Time) bool {
	return cert.Leaf != nil && !at.Before(cert.Leaf.NotBefore) && at.Before(cert.Leaf.NotAfter)
}

// expiry is a gauge of when the certificate that is served ends, in seconds since
// 1970: 0 where there is none.
func (c *certificate) expiry() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dicer_certificate_expiry_timestamp_seconds",
		Help: "When the serving certificate expires, in seconds since 1970.",
	}, func() float64 {
		served, err := c.get(nil)
		if err != nil || served == nil || served.Leaf == nil {
			return 0
		}
		return float64(served.Leaf.NotAfter.Unix())
	})
}

// answers is a probe: TLS is served, with a certificate that is valid and stays so
// for expiryMargin. It looks at what a client gets.
func (s *server) answers(r *http.Request) error {
	// Its own certificate may be for another name.
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: probeTimeout}, Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(r.Context(), "tcp", s.listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	served := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(served) == 0 {
		return errors.New("served without a certificate")
	}
	leaf, now := served[0], time.Now()
	if now.Before(leaf.NotBefore) || now.Add(expiryMargin).After(leaf.NotAfter) {
		return fmt.Errorf("the served certificate is valid from %s to %s", leaf.NotBefore.Format(time.RFC3339), leaf.NotAfter.Format(time.RFC3339))
	}
	return nil
}
