package drive

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/dicer-dev/dicer/hack/load/review"
)

// Connection is how requests get to the server.
type Connection string

const (
	// HTTP2 keeps one connection for all callers, as an API server does for a
	// webhook that is given by URL.
	HTTP2 Connection = "h2"
	// HTTP1 keeps one connection for each caller, as an API server does for a
	// webhook that is behind a Service.
	HTTP1 Connection = "http/1.1"
	// Fresh makes a connection for each request.
	Fresh Connection = "fresh"
)

// Connections are all of them.
var Connections = []Connection{HTTP2, HTTP1, Fresh}

// Target is a webhook.
type Target struct {
	// URL is that of the webhook's path.
	URL string
	// Certificate is what the server has to show, in DER. Compared byte by byte,
	// it costs the client less than a chain would: the client has half of the
	// processors.
	Certificate []byte
}

// client sends reviews to a target.
type client struct {
	http    *http.Client
	request *http.Request
	// dialed counts connections.
	dialed atomic.Int64
}

func newClient(target Target, connection Connection, callers int) (*client, error) {
	request, err := http.NewRequest(http.MethodPost, target.URL+"?timeout=2s", nil)
	if err != nil {
		return nil, err
	}
	// An API server's.
	request.Header = http.Header{
		"Accept":       {"application/json"},
		"Content-Type": {"application/json"},
		"User-Agent":   {"kube-apiserver-admission"},
	}
	c := &client{request: request}
	dialer := &net.Dialer{Timeout: requestTimeout}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c.dialed.Add(1)
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS13,
			InsecureSkipVerify: true, // in favour of the next line
			VerifyConnection:   target.verify,
		},
		ForceAttemptHTTP2:   connection == HTTP2,
		DisableKeepAlives:   connection == Fresh,
		DisableCompression:  true,
		MaxIdleConns:        callers,
		MaxIdleConnsPerHost: callers,
	}
	if connection == HTTP1 {
		// A caller that does not find its own free would make one more.
		transport.MaxConnsPerHost = callers
	}
	c.http = &http.Client{Transport: transport, Timeout: requestTimeout}
	return c, nil
}

func (t Target) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 || !bytes.Equal(state.PeerCertificates[0].Raw, t.Certificate) {
		return errors.New("the server shows another certificate")
	}
	return nil
}

func (c *client) close() { c.http.CloseIdleConnections() }

// requestTimeout bounds one request, so that nothing here waits for ever. It is no
// judgement: on a busy machine, 128 callers wait for seconds.
const requestTimeout = 2 * time.Minute

// caller sends one review after the other.
type caller struct {
	client  *client
	review  *review.Review
	answers *review.Answers
	uids    *uids
	// answer is used again for each.
	answer bytes.Buffer

	mayBeRefused bool
	refused      int
}

// call sends one review and looks at the answer.
func (c *caller) call(ctx context.Context) error {
	uid := c.uids.next()
	request := c.client.request.WithContext(ctx)
	request.Body = &body{parts: [3][]byte{c.review.Before, uid, c.review.After}}
	request.ContentLength = int64(c.review.Size())
	response, err := c.client.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	c.answer.Reset()
	if _, err := c.answer.ReadFrom(response.Body); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	if response.StatusCode == http.StatusServiceUnavailable && c.mayBeRefused {
		c.refused++
		return nil
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s: %.1000s", response.Status, c.answer.Bytes())
	}
	return c.answers.Note(c.answer.Bytes(), uid)
}

// uids makes one for each request.
type uids struct{ last atomic.Uint64 }

func (u *uids) next() []byte { return fmt.Appendf(nil, "d1ce0000-0000-4000-8000-%012x", u.last.Add(1)) }

// body reads a review with its uid in it, as if it were one piece: HTTP/2 makes a
// frame of each read. No piece is copied, and none is changed while a connection
// may still be sending it.
type body struct{ parts [3][]byte }

func (b *body) Read(p []byte) (int, error) {
	read := 0
	for i := range b.parts {
		n := copy(p[read:], b.parts[i])
		b.parts[i] = b.parts[i][n:]
		read += n
	}
	if read == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return read, nil
}

func (b *body) Close() error { return nil }
