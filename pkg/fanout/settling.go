package fanout

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
)

// settling remembers what was deleted or made a moment ago, and what others keep
// deleting or changing back.
type settling struct {
	// delay is how long a name stays empty: the CronJob that CDI made for the
	// old DataImportCron has to go too.
	delay time.Duration
	// started is when this process began to look. What was deleted before may
	// have been deleted a moment before.
	started time.Time
	clock   clock.Clock

	mu sync.Mutex
	// until is when a name, or a repair, may be tried again.
	until map[string]time.Time
	// mine are the UIDs of what dicer has deleted and the cache still shows.
	mine map[types.UID]bool
	// managers are the last DataImportCrons that dicer has made, or found to stand,
	// by the DataSource that they manage: the cache may not show them yet, or not
	// now.
	managers map[types.NamespacedName]types.NamespacedName
	// contests lengthen the pause each time.
	contests *flowcontrol.Backoff
}

func newSettling(delay time.Duration, c clock.Clock) *settling {
	s := &settling{
		delay: delay, started: c.Now(), clock: c,
		until: map[string]time.Time{}, mine: map[types.UID]bool{}, managers: map[types.NamespacedName]types.NamespacedName{},
	}
	s.contests = flowcontrol.NewBackOff(s.first(), maxContest)
	s.contests.Clock = c
	return s
}

// managing notes that a DataImportCron of dicer's stands, or is about to be made.
func (s *settling) managing(cron, dataSource types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.managers[dataSource] = cron
}

// lastManager returns the last one that was noted for a DataSource.
func (s *settling) lastManager(dataSource types.NamespacedName) (cron types.NamespacedName, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cron, known = s.managers[dataSource]
	return cron, known
}

// deleting notes that dicer is about to delete: the cache may know before the
// answer comes.
func (s *settling) deleting(object fmt.Stringer, uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pause(object.String(), s.delay)
	s.mine[uid] = true
}

// kept notes that a deletion failed.
func (s *settling) kept(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mine, uid)
}

// vanished notes that an object has left the cache. Where dicer did not
// delete it somebody else does, perhaps again and again.
func (s *settling) vanished(object fmt.Stringer, uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := s.delay
	if !s.mine[uid] {
		pause = s.contest(object.String())
	}
	s.pause(object.String(), pause)
	delete(s.mine, uid)
}

// isDeleting tells whether dicer has deleted the object already.
func (s *settling) isDeleting(uid types.UID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mine[uid]
}

// wait is how long a name has to stay empty still. contested tells that somebody
// deletes the object again and again.
func (s *settling) wait(object fmt.Stringer) (wait time.Duration, contested bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, known := s.until[object.String()]
	if !known {
		until = s.started.Add(s.delay)
	}
	return max(0, until.Sub(s.clock.Now())), s.contested(object.String())
}

// repairIn is how long a repair has to wait, since it was made a moment ago.
// contested tells that somebody undoes it again and again.
func (s *settling) repairIn(id string) (wait time.Duration, contested bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.until[id].Sub(s.clock.Now())), s.contested(id)
}

// contested is true from the second time on: once may be an accident, or a
// cache that is behind.
func (s *settling) contested(id string) bool { return s.contests.Get(id) > s.first() }

// first is the first pause of a contest.
func (s *settling) first() time.Duration { return max(s.delay, time.Second) }

// repaired notes a repair; the next one waits.
func (s *settling) repaired(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pause(id, s.contest(id))
}

// contest returns how long to wait after one more time.
func (s *settling) contest(id string) time.Duration {
	s.contests.Next(id, s.clock.Now())
	return s.contests.Get(id)
}

// pause forgets what is over, too.
func (s *settling) pause(id string, d time.Duration) {
	now := s.clock.Now()
	for old, until := range s.until {
		if until.Before(now) {
			delete(s.until, old)
		}
	}
	s.contests.GC()
	s.until[id] = now.Add(d)
}
