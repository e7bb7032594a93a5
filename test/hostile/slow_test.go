//go:build chaos

package hostile

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// many is more than the server keeps open.
	many = 2500
	post = "POST /validate/ssp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
)

// slowHandshakes sends nearly all of the largest ClientHello that crypto/tls takes,
// and then a byte a second.
func slowHandshakes(a *attacker) {
	const size, record = 65000, 16000
	message := append([]byte{1, 0, size >> 8, size & 0xff}, make([]byte, size)...)
	var hello []byte
	for part := range slices.Chunk(message, record) {
		hello = append(append(hello, 22, 3, 1, byte(len(part)>>8), byte(len(part)&0xff)), part...)
	}
	most := len(hello) - 1000
	a.callers(many, pause, func() error {
		conn, done, err := a.dial()
		if err != nil {
			return err
		}
		defer done()
		if _, err := conn.Write(hello[:most]); err != nil {
			return err
		}
		return a.trickle(conn, hello[most:])
	})
}

// requesters has n callers begin a request by HTTP/1.1 again and again, each on a
// connection that is closed after it.
func (a *attacker) requesters(n int, do func(*tls.Conn) error) {
	a.callers(n, pause, func() error {
		conn, done, err := a.dialTLS("http/1.1")
		if err != nil {
			return err
		}
		defer done()
		a.requests.Add(1)
		return do(conn)
	})
}

func slowHeaders(a *attacker) {
	a.requesters(many, func(conn *tls.Conn) error {
		return a.trickle(conn, []byte(post+strings.Repeat("X: y\r\n", 1000)))
	})
}

// longHeaders sends as many as it can of what costs the server most for its length,
// and not the end of them.
func longHeaders(a *attacker) {
	var lines []byte
	for i := range 100_000 {
		lines = fmt.Appendf(lines, "%x:\r\n", i)
	}
	a.requesters(many, func(conn *tls.Conn) error {
		if _, err := io.WriteString(conn, post); err != nil {
			return err
		}
		// A few at a time: what is over the limit would have all refused at once.
		for part := range slices.Chunk(lines, 1000) {
			if _, err := conn.Write(part); err != nil {
				return err
			}
			a.sleep(500 * time.Millisecond)
		}
		return hold(conn)
	})
}

func slowBodies(a *attacker) {
	a.requesters(many, func(conn *tls.Conn) error {
		if _, err := fmt.Fprintf(conn, "%sContent-Length: 1000000\r\n\r\n", post); err != nil {
			return err
		}
		return a.trickle(conn, bytes.Repeat([]byte(" "), 1000))
	})
}

// unfinishedBodies has as much in the server's memory as it takes, and leaves it
// there.
func unfinishedBodies(a *attacker) { a.unfinished(50, 7<<20-1) }

// begunBodies sends the beginning of large ones from many callers: they wait for room
// that others have.
func begunBodies(a *attacker) { a.unfinished(1000, 80<<10) }

// unfinished has n callers send so much of a body of 7 MiB, and no more.
func (a *attacker) unfinished(n, size int) {
	beginning := bytes.Repeat([]byte(" "), size)
	a.requesters(n, func(conn *tls.Conn) error {
		if _, err := fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n", post, 7<<20); err != nil {
			return err
		}
		if _, err := conn.Write(beginning); err != nil {
			return err
		}
		return hold(conn)
	})
}

// largeBodies sends whole ones: as large as is taken, and a byte more, told before
// or not.
func largeBodies(a *attacker) {
	whole := append(bytes.Repeat([]byte(" "), 7<<20-len(review)), review...)
	more := append([]byte(" "), whole...)
	client := a.client()
	for _, body := range [][]byte{whole, more} {
		for _, told := range []bool{true, false} {
			a.callers(10, 0, func() error {
				a.requests.Add(1)
				req, err := http.NewRequestWithContext(a.ctx, http.MethodPost, "https://"+a.address+reviewPath, bytes.NewReader(body))
				if err != nil {
					return err
				}
				req.Header.Set("Content-Type", "application/json")
				if !told {
					req.ContentLength, req.Body = -1, io.NopCloser(bytes.NewReader(body))
				}
				return do(client, req)
			})
		}
	}
}

func idleConnections(a *attacker) { a.idle(10000, "http/1.1", pause) }

func idleHTTP2(a *attacker) { a.idle(4000, "h2", pause) }

func (a *attacker) idle(n int, protocol string, pause time.Duration) {
	a.callers(n, pause, func() error {
		conn, done, err := a.dialTLS(protocol)
		if err != nil {
			return err
		}
		defer done()
		if protocol == "h2" {
			if _, err := io.WriteString(conn, preface); err != nil {
				return err
			}
		}
		return hold(conn)
	})
}

// usedOnce sends one good request on each connection, and keeps it.
func usedOnce(a *attacker) {
	a.requesters(many, func(conn *tls.Conn) error {
		if _, err := fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", post, len(review), review); err != nil {
			return err
		}
		reader := bufio.NewReader(conn)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		return hold(conn)
	})
}
