package admission

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxBody bounds an AdmissionReview: two objects of the 3 MiB that the API
	// server takes, and what it says about them.
	maxBody = 7 << 20
	// smallBody is the largest body of nearly all requests: of DataImportCrons, and
	// of an SSP with a hundred templates. mediumBody is that of all others but SSPs of
	// a thousand.
	smallBody, mediumBody = 64 << 10, 1 << 20
	// largeTimeout is how long a body that is not small may take to come once there is
	// room for it.
	largeTimeout = 5 * time.Second
	// firstChunk is what is held for a request of which nothing has been read:
	// little, since callers may promise more than they send.
	firstChunk = 4 << 10
	// maxPooled bounds what a request leaves allocated for the next.
	maxPooled = 2 * smallBody
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
	if done, refused := b.readSmall(r, out); done || refused != nil {
		return out, refused
	}
	return out, b.readLarge(r, out)
}

// readSmall reads up to smallBody, or only the beginning of what is known to be longer:
// those that wait for the rest's room hold little of what others wait for.
func (b *bodies) readSmall(r *http.Request, out *body) (done bool, refused *refusal) {
	for _, most := range []int{firstChunk, smallBody} {
		if most == smallBody && r.ContentLength > smallBody {
			break
		}
		if r.ContentLength >= 0 {
			most = min(most, int(r.ContentLength))
		}
		size := most - len(out.content)
		if !b.memory.take(r.Context(), &out.held, small, int64(size)) {
			return false, errTooMany
		}
		if done, refused = b.append(r, out, size); done || refused != nil {
			return done, refused
		}
	}
	return false, nil
}

// readLarge reads the rest, once there is room for all of it.
func (b *bodies) readLarge(r *http.Request, out *body) *refusal {
	size := maxBody + 1 - len(out.content)
	if r.ContentLength >= 0 {
		size = int(r.ContentLength) - len(out.content)
	}
	if !b.memory.take(r.Context(), &out.held, partOf(size), int64(size)) {
		return errTooMany
	}
	if !b.memory.giveTime(&out.held, largeTimeout) {
		return errBroken
	}
	if done, refused := b.append(r, out, size); done || refused != nil {
		return refused
	}
	return errLarge
}

// partOf is the part of the memory that so many bytes are of.
func partOf(size int) int {
	switch {
	case size <= smallBody:
		return small
	case size <= mediumBody:
		return medium
	default:
		return large
	}
}

// append reads size bytes more, or what there is. done tells of the body's end.
func (b *bodies) append(r *http.Request, out *body, size int) (done bool, refused *refusal) {
	end := len(out.content)
	out.content = slices.Grow(out.content, size)
	n, err := b.fill(r.Body, out, out.content[end:end+size])
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
// end, io.EOF, or breaks off, io.ErrUnexpectedEOF. It notes that something comes.
func (b *bodies) fill(r io.Reader, out *body, buffer []byte) (n int, err error) {
	for noted := 0; n < len(buffer) && err == nil; {
		var more int
		more, err = r.Read(buffer[n:])
		if n += more; n-noted >= progress {
			noted = n
			b.memory.moves(&out.held)
		}
	}
	return n, err
}

// decide waits until a body that is not small may be decided upon: false where that is
// too late.
func (b *bodies) decide(r *http.Request, out *body) bool {
	size := len(out.content)
	return size <= smallBody || b.memory.take(r.Context(), &out.held, deciding, int64(size))
}

// release is called once the body is not needed any more.
func (b *bodies) release(out *body) {
	b.memory.release(&out.held)
	if cap(out.content) <= maxPooled {
		out.content = out.content[:0]
		b.pool.Put(out)
	}
}

// write sends an answer. Who does not read it holds it, unless it is small enough for
// the connection's own buffer.
func (b *bodies) write(w http.ResponseWriter, r *http.Request, answer []byte) *refusal {
	w.Header().Set("Content-Type", "application/json")
	if len(answer) <= firstChunk {
		_, _ = w.Write(answer) // a caller that is gone asks again
		return nil
	}
	var held share
	b.memory.wait(&held, w)
	defer b.memory.release(&held)
	defer b.memory.proceed(&held)
	if !b.memory.take(r.Context(), &held, partOf(len(answer)), int64(len(answer))) {
		return errTooMany
	}
	_, _ = w.Write(answer) // as above
	return nil
}
