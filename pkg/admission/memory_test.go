package admission

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// impatient waits for nobody.
func impatient() *bodies {
	all := newBodies()
	all.memory.patience = 0
	return all
}

func TestTooManyBodiesAtOnceAreRefused(t *testing.T) {
	review := reviewBody(`{` + dicRequest + `,"operation":"DELETE"}`)
	padded := func(size int) []byte { return append(bytes.Repeat([]byte(" "), size-len(review)), review...) }
	for _, test := range []struct {
		name string
		part int
		// left is free while fits is answered, and over is not.
		left       int64
		fits, over []byte
	}{
		{"small ones", small, firstChunk, padded(firstChunk), padded(firstChunk + 1)},
		{"medium ones", medium, smallBody + 1, padded(firstChunk + smallBody + 1), padded(firstChunk + smallBody + 2)},
		{"large ones", large, mediumBody + 1, padded(firstChunk + mediumBody + 1), padded(firstChunk + mediumBody + 2)},
		{"decisions", deciding, 3 * smallBody, padded(3 * smallBody), padded(3*smallBody + 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := impatient()
			h := &webhook[arch.DataImportCron]{&Policy{}, logr.Discard(), all, "/x", dataImportCronKind, (&Policy{}).mutateDataImportCron}
			part := all.memory.parts[test.part]
			others := sizes[test.part] - test.left
			if !part.TryAcquire(others) {
				t.Fatal("something is held already")
			}
			if code, answer := send(t, h, test.fits); code != http.StatusOK {
				t.Errorf("%d, %s; want the last one that fits to be answered", code, answer)
			}
			if code, answer := send(t, h, test.over); code != http.StatusServiceUnavailable || string(answer) != "dicer: too many requests at once; try again\n" {
				t.Errorf("%d, %s", code, answer)
			}
			part.Release(others)
			if code, answer := send(t, h, test.over); code != http.StatusOK {
				t.Errorf("%d, %s after the others are gone", code, answer)
			}
			nothingIsHeld(t, all.memory)
		})
	}
}

func nothingIsHeld(t *testing.T, m *memory) {
	t.Helper()
	for part, size := range sizes {
		if !m.parts[part].TryAcquire(size) {
			t.Error("what was held is not released")
		}
	}
	if m.waiting.Len() > 0 {
		t.Errorf("%d are said to wait", m.waiting.Len())
	}
}

// stalled is a caller that sends nothing until its request is cut.
type stalled struct {
	http.ResponseWriter
	cut     sync.Once
	ended   chan struct{}
	reading chan struct{}
}

func newStalled() *stalled {
	return &stalled{ResponseWriter: httptest.NewRecorder(), ended: make(chan struct{}), reading: make(chan struct{})}
}

func (s *stalled) SetReadDeadline(time.Time) error {
	s.cut.Do(func() { close(s.ended) })
	return nil
}

// Read implements io.Reader: a body's.
func (s *stalled) Read([]byte) (int, error) {
	close(s.reading)
	<-s.ended
	return 0, errors.New("i/o timeout")
}

// Write implements io.Writer: that of an answer.
func (s *stalled) Write([]byte) (int, error) { return s.Read(nil) }

func (s *stalled) request() *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/", s)
	req.Header.Set("Content-Type", "application/json")
	req.ContentLength = maxBody
	return req
}

// TestWhoStallsMakesRoom has callers stall until there is no room, in their bodies
// or with their answers: the one that does so longest is cut, and no other.
func TestWhoStallsMakesRoom(t *testing.T) {
	all := newBodies()
	answer := bytes.Repeat([]byte(" "), smallBody)
	var callers []*stalled
	var group sync.WaitGroup
	for i := range maxSmall / smallBody {
		s := newStalled()
		callers = append(callers, s)
		group.Go(func() {
			if i%2 == 0 {
				all.write(s, httptest.NewRequest(http.MethodPost, "/", nil), answer)
				return
			}
			// As much as a caller holds that has sent something.
			out := all.pool.Get().(*body)
			all.memory.wait(&out.held, s)
			if !all.memory.take(t.Context(), &out.held, small, smallBody) {
				t.Error("there is no room for those who make it")
			}
			_, _ = s.Read(nil) // its error is what was waited for
			all.memory.proceed(&out.held)
			all.release(out)
		})
		<-s.reading
	}
	h := &webhook[arch.DataImportCron]{&Policy{}, logr.Discard(), all, "/x", dataImportCronKind, (&Policy{}).mutateDataImportCron}
	for range 3 {
		if code, answer := send(t, h, reviewBody(`{`+dicRequest+`,"operation":"DELETE"}`)); code != http.StatusOK {
			t.Errorf("%d, %s", code, answer)
		}
	}
	for i, s := range callers {
		select {
		case <-s.ended:
			if i != 0 {
				t.Errorf("number %d is cut", i)
			}
		default:
			if i == 0 {
				t.Error("the first one is not cut")
			}
			_ = s.SetReadDeadline(time.Time{})
		}
	}
	group.Wait()
	nothingIsHeld(t, all.memory)
}

// TestWhoWaitsForRoomDoesNotStall has a caller get room only after longer than another
// may stall: he is not the one who makes it for the next.
func TestWhoWaitsForRoomDoesNotStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var others share
		if !m.take(t.Context(), &others, large, maxLarge) {
			t.Fatal("something is held already")
		}
		waiting := newStalled()
		var held share
		m.wait(&held, waiting)
		go func() {
			time.Sleep(2 * stallTime)
			m.release(&others)
		}()
		if !m.take(t.Context(), &held, large, maxLarge) {
			t.Fatal("there was room")
		}
		var next share
		done := make(chan bool)
		go func() { done <- m.take(t.Context(), &next, large, 1) }()
		synctest.Wait()
		select {
		case <-waiting.ended:
			t.Error("he is cut as soon as he has room")
		default:
		}
		m.proceed(&held)
		m.release(&held)
		if !<-done {
			t.Error("the next has no room")
		}
		m.release(&next)
		nothingIsHeld(t, m)
	})
}

// TestWhoWasCutGetsNoMore has a caller whose deadline is over already ask for more.
func TestWhoWasCutGetsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var held, next share
		m.wait(&held, newStalled())
		if !m.take(t.Context(), &held, small, maxSmall) {
			t.Fatal("something is held already")
		}
		time.Sleep(2 * stallTime)
		done := make(chan bool)
		go func() { done <- m.take(t.Context(), &next, small, 1) }()
		synctest.Wait()
		if m.take(t.Context(), &held, small, 1) {
			t.Error("he gets more")
		}
		m.proceed(&held)
		m.release(&held)
		if !<-done {
			t.Error("the next has no room")
		}
		m.release(&next)
		nothingIsHeld(t, m)
	})
}

// TestManyWholeBodiesAtOnceHoldUpNobody has more callers at once than there is room for
// all of their bodies, none of whom stalls.
func TestManyWholeBodiesAtOnceHoldUpNobody(t *testing.T) {
	h := &webhook[arch.DataImportCron]{&Policy{}, logr.Discard(), newBodies(), "/x", dataImportCronKind, (&Policy{}).mutateDataImportCron}
	review := reviewBody(`{` + dicRequest + `,"operation":"DELETE"}`)
	whole := append(bytes.Repeat([]byte(" "), smallBody-len(review)), review...)
	var group sync.WaitGroup
	for range 2 * maxSmall / smallBody {
		group.Go(func() {
			if code, answer := send(t, h, whole); code != http.StatusOK {
				t.Errorf("%d, %s", code, answer)
			}
		})
	}
	group.Wait()
	nothingIsHeld(t, h.bodies.memory)
}

func TestACallerHoldsLittleBeforeItSends(t *testing.T) {
	all := impatient()
	s := newStalled()
	done := make(chan *refusal)
	go func() {
		body, refused := all.read(s, s.request())
		all.release(body)
		done <- refused
	}()
	<-s.reading
	if !all.memory.parts[small].TryAcquire(maxSmall-firstChunk) || !all.memory.parts[medium].TryAcquire(maxMedium) || !all.memory.parts[large].TryAcquire(maxLarge) {
		t.Error("more than the first chunk is held")
	}
	_ = s.SetReadDeadline(time.Time{})
	if refused := <-done; refused != errBroken {
		t.Errorf("%+v; want %+v", refused, errBroken)
	}
}

var _ io.ReadWriter = &stalled{}
