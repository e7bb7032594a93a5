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
	// smallBody is the largest body of nearly all requests: of DataImportCrons, and
	// of an SSP with a hundred templates.
	smallBody = 64 << 10
	// maxSmall and maxLarge bound the bodies of all requests that are being read or
	// answered, up to smallBody and beyond it, and with them the memory that callers
	// can have. What is decided upon takes eight times of it, so that all stays
	// below the limit of 256 MiB in deploy/base.
	maxSmall = 16 << 20
	maxLarge = 8 << 20
	// heldWait is how long a request waits for others to be answered: what the
	// webhook configurations give it. Later nobody waits for the answer.
	heldWait = 2 * time.Second
	// largeTimeout is how long a large body may take to come once there is room for
	// it: nobody else's has that room meanwhile.
	largeTimeout = 5 * time.Second
	// firstChunk is what is held for a request of which nothing has been read:
	// little, since callers may promise more than they send.
	firstChunk = 4 << 10
	// maxPooled bounds what a request leaves allocated for the next.
	maxPooled = 2 * smallBody
)

// bodies reads the bodies of requests.
type bodies struct {
	small, large *semaphore.Weighted
	wait         time.Duration
	pool         sync.Pool
}

func newBodies() *bodies {
	return &bodies{
		small: semaphore.NewWeighted(maxSmall),
		large: semaphore.NewWeighted(maxLarge),
		wait:  heldWait,
		pool:  sync.Pool{New: func() any { return new(body) }},
	}
}

// body is one of them. It is held until its release.
type body struct {
	content []byte
	// small and large are what of it is held.
	small, large int64
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
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (*body, *refusal) {
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
	if done, refused := b.readSmall(r, out); done || refused != nil {
		return out, refused
	}
	return out, b.readLarge(w, r, out)
}

// readSmall reads up to smallBody, in chunks: what is held is not much more than
// what has come.
func (b *bodies) readSmall(r *http.Request, out *body) (done bool, refused *refusal) {
	for size := firstChunk; len(out.content) < smallBody; size = len(out.content) {
		size = min(size, smallBody-len(out.content))
		if rest := int(r.ContentLength) - len(out.content); r.ContentLength >= 0 {
			size = min(size, rest)
		}
		if !b.hold(r.Context(), b.small, int64(size)) {
			return false, errTooMany
		}
		out.small += int64(size)
		if done, refused = out.append(r, size); done || refused != nil {
			return done, refused
		}
	}
	return false, nil
}

// readLarge reads the rest, once there is room for all of it: those that wait hold
// nothing of what others wait for.
func (b *bodies) readLarge(w http.ResponseWriter, r *http.Request, out *body) *refusal {
	size := maxBody + 1 - len(out.content)
	if r.ContentLength >= 0 {
		size = int(r.ContentLength) - len(out.content)
	}
	if !b.hold(r.Context(), b.large, int64(size)) {
		return errTooMany
	}
	out.large = int64(size)
	// A writer without a connection of its own has no time either.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(largeTimeout))
	if done, refused := out.append(r, size); done || refused != nil {
		return refused
	}
	return errLarge
}

// append reads size bytes more, or what there is. done tells of the body's end.
func (out *body) append(r *http.Request, size int) (done bool, refused *refusal) {
	end := len(out.content)
	out.content = slices.Grow(out.content, size)
	n, err := fill(r.Body, out.content[end:end+size])
	out.content = out.content[:end+n]
	switch {
	case int64(len(out.content)) == r.ContentLength:
		return true, nil
	case r.ContentLength < 0 && errors.Is(err, io.EOF):
		return true, nil
	case err != nil:
		return false, errBroken
	default:
		return false, nil
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

// hold reserves size bytes.
func (b *bodies) hold(ctx context.Context, room *semaphore.Weighted, size int64) bool {
	if room.TryAcquire(size) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	return room.Acquire(ctx, size) == nil
}

// release is called once the body is not needed any more.
func (b *bodies) release(out *body) {
	b.small.Release(out.small)
	b.large.Release(out.large)
	out.small, out.large = 0, 0
	if cap(out.content) <= maxPooled {
		out.content = out.content[:0]
		b.pool.Put(out)
	}
}
