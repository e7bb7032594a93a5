package admission

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxBody bounds an AdmissionReview: two objects of the 3 MiB that the API
	// server takes, and what it says about them.
	maxBody = 7 << 20
	// maxHeld bounds the bodies of all requests that are being read or answered,
	// and with them the memory that callers can have.
	maxHeld = 64 << 20
	// heldWait is how long a request waits for others to be answered: half of what
	// the webhook configurations give it.
	heldWait = time.Second
	// firstChunk is what is held for a request of which nothing has been read:
	// little, since callers may promise more than they send.
	firstChunk = 4 << 10
	// maxPooled bounds what a request leaves allocated for the next: more than
	// nearly all of them need.
	maxPooled = 256 << 10
)

// bodies reads the bodies of requests.
type bodies struct {
	held *semaphore.Weighted
	wait time.Duration
	pool sync.Pool
}

func newBodies() *bodies {
	return &bodies{held: semaphore.NewWeighted(maxHeld), wait: heldWait, pool: sync.Pool{New: func() any { return new(body) }}}
}

// body is one of them. It is held until its release.
type body struct {
	content []byte
	held    int64
}

// refusal is why a body is not read: a status of HTTP and its text.
type refusal struct {
	code int
	text string
}

var (
	errMethod  = &refusal{http.StatusMethodNotAllowed, "want the method POST"}
	errType    = &refusal{http.StatusUnsupportedMediaType, "want the content type application/json"}
	errLarge   = &refusal{http.StatusRequestEntityTooLarge, "the body is larger than 7 MiB"}
	errBroken  = &refusal{http.StatusBadRequest, "the body cannot be read to its end"}
	errTooMany = &refusal{http.StatusServiceUnavailable, "too many requests at once; try again"}
)

// read reads a request's body, after a look at what costs nothing. The body is
// released by the caller, also beside a refusal.
func (b *bodies) read(r *http.Request) (*body, *refusal) {
	out := b.pool.Get().(*body)
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		return out, errMethod
	case err != nil || mediaType != "application/json":
		return out, errType
	case r.ContentLength > maxBody:
		return out, errLarge
	}
	for size := firstChunk; ; size *= 2 {
		if rest := int(r.ContentLength) - len(out.content); r.ContentLength >= 0 {
			size = min(size, rest)
		}
		if !b.hold(r.Context(), out, int64(size)) {
			return out, errTooMany
		}
		end := len(out.content)
		out.content = slices.Grow(out.content, size)
		n, err := fill(r.Body, out.content[end:end+size])
		out.content = out.content[:end+n]
		switch {
		case len(out.content) > maxBody:
			return out, errLarge
		case int64(len(out.content)) == r.ContentLength:
			return out, nil
		case r.ContentLength < 0 && errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, errBroken
		}
	}
}

// fill is io.ReadFull, which hides whether a body of unknown length has come to its
// end, io.EOF, or breaks off, io.ErrUnexpectedEOF.
func fill(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = r.Read(buffer[n:])
		n += more
	}
	return n, err
}

// hold reserves size bytes more for a body.
func (b *bodies) hold(ctx context.Context, out *body, size int64) bool {
	if !b.held.TryAcquire(size) {
		ctx, cancel := context.WithTimeout(ctx, b.wait)
		defer cancel()
		if b.held.Acquire(ctx, size) != nil {
			return false
		}
	}
	out.held += size
	return true
}

// release is called once the body is not needed any more.
func (b *bodies) release(out *body) {
	b.held.Release(out.held)
	out.held = 0
	if cap(out.content) <= maxPooled {
		out.content = out.content[:0]
		b.pool.Put(out)
	}
}
