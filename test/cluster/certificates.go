package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

const (
	certFile = "tls.crt"
	keyFile  = "tls.key"

	certificateLifetime = 24 * time.Hour
	// clockSkew keeps a certificate valid for a peer whose clock is behind.
	clockSkew = time.Minute
)

// ServiceHost is the webhook's name to an API server that calls it by its Service.
const ServiceHost = "dicer-webhook.dicer-system.svc"

// Certificates is a CA and a directory with a serving certificate for
// 127.0.0.1, localhost and ServiceHost that it signed. The directory is laid out as the
// kubelet lays out a mounted Secret: tls.crt and tls.key are links that change
// together, with one rename.
type Certificates struct {
	// Dir holds tls.crt and tls.key.
	Dir string
	// CABundle is the CA's certificate in PEM.
	CABundle []byte

	ca    *x509.Certificate
	caKey crypto.Signer
}

// NewCertificates makes a CA and a first serving certificate in dir, which it
// creates where it is missing.
func NewCertificates(dir string) (*Certificates, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the CA's key: %w", err)
	}
	ca, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "dicer-test-ca"}, caKey)
	if err != nil {
		return nil, fmt.Errorf("signing the CA's certificate: %w", err)
	}
	bundle, err := cert.EncodeCertificates(ca)
	if err != nil {
		return nil, fmt.Errorf("encoding the CA's certificate: %w", err)
	}
	c := &Certificates{Dir: dir, CABundle: bundle, ca: ca, caKey: caKey}
	if err := c.Rotate(); err != nil {
		return nil, err
	}
	return c, nil
}

// In returns the same CA with another directory, of which nothing is written yet.
func (c *Certificates) In(dir string) *Certificates {
	other := *c
	other.Dir = dir
	return &other
}

// Rotate replaces the serving certificate and its key by new ones of the same
// CA.
func (c *Certificates) Rotate() error {
	certPEM, keyPEM, err := c.Sign(func(*x509.Certificate) {})
	if err != nil {
		return err
	}
	return c.Write(certPEM, keyPEM)
}

// Sign returns a new certificate of the CA and its key, in PEM. It is a serving one
// but for what change makes of it.
func (c *Certificates) Sign(change func(*x509.Certificate)) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generating a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost", ServiceHost},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(certificateLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, c.ca, key.Public(), c.caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("signing a certificate: %w", err)
	}
	if certPEM, err = cert.EncodeCertificates(&x509.Certificate{Raw: der}); err != nil {
		return nil, nil, fmt.Errorf("encoding a certificate: %w", err)
	}
	if keyPEM, err = keyutil.MarshalPrivateKeyToPEM(key); err != nil {
		return nil, nil, fmt.Errorf("encoding a key: %w", err)
	}
	return certPEM, keyPEM, nil
}

// Write replaces tls.crt and tls.key, whatever is in them.
func (c *Certificates) Write(certPEM, keyPEM []byte) error {
	if err := c.write(certPEM, keyPEM); err != nil {
		return fmt.Errorf("writing the serving certificate: %w", err)
	}
	return nil
}

func (c *Certificates) write(certPEM, keyPEM []byte) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	pair, err := os.MkdirTemp(c.Dir, "..pair-")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(pair, certFile), certPEM, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(pair, keyFile), keyPEM, 0o600); err != nil {
		return err
	}
	data := filepath.Join(c.Dir, "..data")
	previous, err := os.Readlink(data)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(filepath.Base(pair), data+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(data+"_tmp", data); err != nil {
		return err
	}
	if previous != "" {
		return os.RemoveAll(filepath.Join(c.Dir, previous))
	}
	for _, name := range []string{certFile, keyFile} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(c.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}
