package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dicer-dev/dicer/pkg/admission"
)

// said is a connection whose other side has said all that it will say.
type said struct {
	in     *bytes.Reader
	closed chan struct{}

	mu   sync.Mutex
	out  bytes.Buffer
	once sync.Once
}

func (c *said) Read(p []byte) (int, error) { return c.in.Read(p) }

func (c *said) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

func (c *said) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// CloseWrite is the last that is of interest: the server waits for a moment then.
func (c *said) CloseWrite() error { return c.Close() }

func (c *said) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *said) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *said) SetDeadline(time.Time) error      { return nil }
func (c *said) SetReadDeadline(time.Time) error  { return nil }
func (c *said) SetWriteDeadline(time.Time) error { return nil }

// FuzzConnection sends anything on a connection, as it comes out of TLS: each answer
// is one of HTTP, a well-formed review or a status of 4xx or 5xx.
func FuzzConnection(f *testing.F) {
	const head = "POST /mutate/dataimportcron HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	good := head + "Content-Length: " + strconv.Itoa(len(review)) + "\r\n\r\n" + review
	for _, seed := range []string{
		"", "\r\n\r\n", "GARBAGE\r\n\r\n", "GET /healthz HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		good, good + good, good + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", head + "Content-Length: 9\r\n\r\n{}",
		head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nf;x=y\r\n{}",
		head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", head + "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
		"POST //validate/../mutate/dataimportcron HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
		"HEAD /validate/ssp HTTP/1.1\r\nHost: x\r\nX:\r\n y\r\n\r\n", strings.Replace(good, "POST", "PUT", 1), strings.ReplaceAll(good, "\r\n", "\n"),
	} {
		f.Add([]byte(seed))
	}
	conns := make(chan net.Conn)
	s := &server{logger: logr.Discard(), connections: newConnections(1000)}
	server := s.newHTTP(newMux(&admission.Policy{}))
	go func() { _ = server.Serve(oneConnection(conns)) }()
	f.Cleanup(func() { _ = server.Close() })
	f.Fuzz(func(t *testing.T, in []byte) {
		conn := &said{in: bytes.NewReader(in), closed: make(chan struct{})}
		conns <- conn
		<-conn.closed
		conn.mu.Lock()
		defer conn.mu.Unlock()
		if err := wellFormed(conn.out.Bytes()); err != nil {
			t.Fatalf("%q: %v in %q", in, err, conn.out.Bytes())
		}
	})
}

// wellFormed reads the answers on a connection. One to HEAD has no body, although it
// says how long it would be.
func wellFormed(out []byte) error {
	const version = "HTTP/1."
	for reader := bufio.NewReader(bytes.NewReader(out)); ; {
		if _, err := reader.Peek(1); err != nil {
			return nil
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return err
		}
		if resp.StatusCode == http.StatusContinue {
			continue
		}
		// No body begins so: it is the next answer, after one to HEAD.
		if next, err := reader.Peek(len(version)); err == nil && string(next) == version {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if errors.Is(err, io.ErrUnexpectedEOF) && resp.StatusCode >= 400 {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case bytes.Contains(body, []byte("goroutine ")) || bytes.Contains(body, []byte(".go:")):
			return errors.New("a stack is told")
		case resp.StatusCode == http.StatusOK:
			var review admissionv1.AdmissionReview
			if err := json.Unmarshal(body, &review); err != nil {
				return err
			}
			if review.Response == nil || review.Response.UID == "" || review.Response.Result == nil {
				return errors.New("not a well-formed review")
			}
		case resp.StatusCode < 400 || resp.StatusCode == http.StatusInternalServerError:
			return errors.New(resp.Status)
		}
	}
}
