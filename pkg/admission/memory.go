package admission

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxSmall bounds what all requests hold in their first smallShare bytes, and
	// maxLarge what they hold beyond: with them the memory that callers can have.
	// Two, so that small reviews, which are most, never wait for large ones.
	maxSmall, maxLarge = 32 << 20, 32 << 20
	smallShare         = 256 << 10
	// perRequest is what one costs beside its body: a goroutine, headers, buffers.
	// It bounds how many are read or answered at once to some two thousand.
	perRequest = 12 << 10
	// heldWait is how long a request waits for others to be answered: half of what
	// the webhook configurations give it.
	heldWait = time.Second
)

// memory is what all requests share. A request that waits for its caller, to send
// more or to read, gives its share up where another one needs it: the one that
// waits longest first. An API server's is sent and read within milliseconds, so
// that whoever stalls makes room.
type memory struct {
	parts    [2]*semaphore.Weighted
	patience time.Duration

	mu sync.Mutex
	// waiting are the shares that can be had; the longest so is first.
	waiting list.List
}

// The parts of the memory, and of a share.
const (
	small = iota
	large
)

func newMemory() *memory {
	return &memory{
		parts:    [2]*semaphore.Weighted{semaphore.NewWeighted(maxSmall), semaphore.NewWeighted(maxLarge)},
		patience: heldWait,
	}
}

// share is what one request holds of it.
type share struct {
	parts [2]int64
	w     http.ResponseWriter
	// element is the share's in the waiting ones, nil where it is none of them.
	element *list.Element
}

// wait notes that a request waits for its caller, to whom w leads.
func (m *memory) wait(s *share, w http.ResponseWriter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.w, s.element = w, m.waiting.PushBack(s)
}

// proceed notes that it does no longer. After it, w is not used any more.
func (m *memory) proceed(s *share) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unlist(s)
	s.w = nil
}

func (m *memory) unlist(s *share) {
	if s.element != nil {
		m.waiting.Remove(s.element)
		s.element = nil
	}
}

// take adds size bytes to a share; false where there is no room for too long.
func (m *memory) take(ctx context.Context, s *share, size int64) bool {
	if s.parts[small] == 0 {
		size += perRequest
	}
	first := min(size, max(smallShare-s.parts[small], 0))
	return m.takeOf(ctx, small, s, first) && m.takeOf(ctx, large, s, size-first)
}

func (m *memory) takeOf(ctx context.Context, part int, s *share, size int64) bool {
	if size > 0 && !m.parts[part].TryAcquire(size) {
		m.makeRoom(part, s, size)
		ctx, cancel := context.WithTimeout(ctx, m.patience)
		defer cancel()
		if m.parts[part].Acquire(ctx, size) != nil {
			return false
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.parts[part] += size
	return true
}

// makeRoom has the requests that wait longest give up size bytes or more. Each comes
// back from its reading or writing with an error, and releases them.
func (m *memory) makeRoom(part int, newcomer *share, size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	past := time.Unix(1, 0)
	for e := m.waiting.Front(); e != nil && size > 0; {
		s, next := e.Value.(*share), e.Next()
		if s != newcomer && s.parts[part] > 0 {
			size -= s.parts[part]
			m.unlist(s)
			control := http.NewResponseController(s.w)
			// A writer that knows no deadlines is a test's.
			_, _ = control.SetReadDeadline(past), control.SetWriteDeadline(past)
		}
		e = next
	}
}

// release gives all of it back, once the request has proceeded.
func (m *memory) release(s *share) {
	for part, size := range s.parts {
		m.parts[part].Release(size)
	}
	s.parts = [2]int64{}
}
