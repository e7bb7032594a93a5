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
	// maxSmall, maxMedium and maxLarge bound the bodies and answers of all requests, of
	// up to smallBody, up to mediumBody and beyond, and with them the memory that callers
	// can have. Each has its own, so that nobody waits for what is much larger.
	maxSmall, maxMedium, maxLarge = 16 << 20, 16 << 20, 24 << 20
	// maxDeciding bounds those beyond smallBody that are decided upon: it takes eight
	// times of them, and all has to stay below the limit of 256 MiB in deploy/base.
	maxDeciding = 8 << 20
	// stallTime is how long nothing may come from a caller, or go to him, before
	// another one may have his room: more than the 200 ms after which TCP sends a lost
	// packet again. progress is how much counts as something.
	stallTime = 500 * time.Millisecond
	progress  = 16 << 10
	// heldWait is how long a request waits for others to be answered: what the
	// webhook configurations give it. Later nobody waits for the answer.
	heldWait = 2 * time.Second
)

// memory is what all requests share. A request that waits for its caller, to send
// more or to read, gives its share up where another one needs it: the one for which
// nothing has moved for longest. An API server's is sent and read within
// milliseconds, so that whoever stalls makes room.
type memory struct {
	parts    [parts]*semaphore.Weighted
	patience time.Duration

	mu sync.Mutex
	// waiting are the shares that can be had; the longest so is first.
	waiting list.List
}

// The parts of the memory, and of a share.
const (
	small = iota
	medium
	large
	deciding
	parts
)

// sizes are how much of each part there is.
var sizes = [parts]int64{small: maxSmall, medium: maxMedium, large: maxLarge, deciding: maxDeciding}

func newMemory() *memory {
	m := &memory{patience: heldWait}
	for part, size := range sizes {
		m.parts[part] = semaphore.NewWeighted(size)
	}
	return m
}

// share is what one request holds of it.
type share struct {
	parts [parts]int64
	w     http.ResponseWriter
	// element is the share's in the waiting ones, nil where it is none of them.
	element *list.Element
	// moved is when something came or went last.
	moved time.Time
}

// wait notes that a request waits for its caller, to whom w leads.
func (m *memory) wait(s *share, w http.ResponseWriter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.w, s.element, s.moved = w, m.waiting.PushBack(s), time.Now()
}

// moves notes that something has come from its caller.
func (m *memory) moves(s *share) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.element != nil {
		m.waiting.MoveToBack(s.element)
		s.moved = time.Now()
	}
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

// take adds to a part of a share; false where there is no room for too long, or where
// the share was given up.
func (m *memory) take(ctx context.Context, s *share, part int, size int64) bool {
	if !m.parts[part].TryAcquire(size) && !m.acquire(ctx, s, part, size) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.parts[part] += size
	return true
}

// acquire waits. Meanwhile the share is not among those that can be had: whoever waits
// here cannot give anything up, and does not stall either.
func (m *memory) acquire(ctx context.Context, s *share, part int, size int64) bool {
	w, ok := m.pause(s)
	if !ok {
		return false
	}
	m.makeRoom(part, size)
	// By then others have stalled, too.
	again := time.AfterFunc(stallTime, func() { m.makeRoom(part, size) })
	defer again.Stop()
	ctx, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	if m.parts[part].Acquire(ctx, size) != nil {
		return false
	}
	if w != nil {
		m.wait(s, w)
	}
	return true
}

// pause takes a share out of the waiting ones, and returns its w, nil where it was none
// of them; not ok where it was given up.
func (m *memory) pause(s *share) (w http.ResponseWriter, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.w != nil && s.element == nil {
		return nil, false
	}
	m.unlist(s)
	return s.w, true
}

// giveTime bounds how long a share that was not given up may wait for its caller yet.
func (m *memory) giveTime(s *share, most time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.element == nil {
		return false
	}
	// A writer without a connection of its own has no time either.
	_ = http.NewResponseController(s.w).SetReadDeadline(time.Now().Add(most))
	return true
}

// makeRoom has the requests that have stalled longest give up size bytes or more. Each
// comes back from its reading or writing with an error, and releases them.
func (m *memory) makeRoom(part int, size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	past := time.Unix(1, 0)
	for e := m.waiting.Front(); e != nil && size > 0; {
		s, next := e.Value.(*share), e.Next()
		if time.Since(s.moved) < stallTime {
			return // so have those after it
		}
		if s.parts[part] > 0 {
			size -= s.parts[part]
			m.unlist(s)
			control := http.NewResponseController(s.w)
			// As above.
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
	s.parts = [parts]int64{}
}
