package admission

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
)

const (
	// maxBody bounds an AdmissionReview: two objects of the 3 MiB that the API
	// server takes, and what it says about them.
	maxBody = 7 << 20
	// firstChunk is what is held for a request of which nothing has been read:
	// little, since callers may promise more than they send.
	firstChunk = 4 << 10
	// maxPooled bounds what a request leaves allocated for the next: more than
	// nearly all of them need.
	maxPooled = 256 << 10
)

// bodies reads the bodies of requests.
type bodies struct {
	memory *memory
	pool   sync.Pool
}

func newBodies() *bodies {
	return &bodies{memory: newMemory(), pool: sync.Pool{New: func() any { return new(body) }}}
}

// body is one of them. It is held until its release.
type body struct {
	content []byte
	held    share
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
	b.memory.wait(&out.held, w)
	defer b.memory.proceed(&out.held)
	for size := firstChunk; ; size = len(out.content) {
		if rest := int(r.ContentLength) - len(out.content); r.ContentLength >= 0 {
			size = min(size, rest)
		}
		if !b.memory.take(r.Context(), &out.held, int64(size)) {
			return out, errTooMany
		}
		end := len(out.content)
		out.content = slices.Grow(out.content, size)
		n, err := io.ReadFull(r.Body, out.content[end:end+size])
		out.content = out.content[:end+n]
		switch {
		case len(out.content) > maxBody:
			return out, errLarge
		case r.ContentLength < 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
			return out, nil
		case err != nil:
			return out, errBroken
		case int64(len(out.content)) == r.ContentLength:
			return out, nil
		}
	}
}

// release is called once the body is not needed any more.
func (b *bodies) release(out *body) {
	b.memory.release(&out.held)
	if cap(out.content) <= maxPooled {
		out.content = out.content[:0]
		b.pool.Put(out)
	}
}

// write sends an answer. Who does not read it holds it.
func (b *bodies) write(w http.ResponseWriter, r *http.Request, answer []byte) {
	var held share
	b.memory.wait(&held, w)
	defer b.memory.release(&held)
	defer b.memory.proceed(&held)
	if !b.memory.take(r.Context(), &held, int64(len(answer))) {
		return // it was cut: nobody reads
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // a caller that is gone asks again
}
