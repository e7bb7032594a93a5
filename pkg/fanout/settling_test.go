package fanout

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

const delay = 10 * time.Second

var cron = types.NamespacedName{Namespace: "golden", Name: "rhel10-arm64"}

// newTestSettling has a clock that stands still; it began an hour ago.
func newTestSettling() (*settling, *clocktesting.FakeClock) {
	c := clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := newSettling(delay, c)
	c.Step(time.Hour)
	return s, c
}

func wantWait(t *testing.T, s *settling, want time.Duration) {
	t.Helper()
	if got, _ := s.wait(cron); got != want {
		t.Errorf("waits %s; want %s", got, want)
	}
}

func wantContested(t *testing.T, s *settling, want bool) {
	t.Helper()
	if _, got := s.wait(cron); got != want {
		t.Errorf("contested %t; want %t", got, want)
	}
}

func TestANameStaysEmptyForTheDelayAfterTheOldOneHasGone(t *testing.T) {
	s, c := newTestSettling()
	wantWait(t, s, 0)
	s.deleting(cron, "1")
	if !s.isDeleting("1") || s.isDeleting("2") {
		t.Errorf("is deleting %t, %t; want only the first", s.isDeleting("1"), s.isDeleting("2"))
	}
	wantWait(t, s, delay)
	// A finalizer holds the old one for a minute.
	c.Step(time.Minute)
	s.vanished(cron, "1")
	wantWait(t, s, delay)
	c.Step(delay - time.Millisecond)
	wantWait(t, s, time.Millisecond)
	c.Step(time.Millisecond)
	wantWait(t, s, 0)
	if s.isDeleting("1") {
		t.Error("it has gone, and is being deleted still")
	}
}

func TestOwnDeletionsAreNoContest(t *testing.T) {
	s, c := newTestSettling()
	for i := range 10 {
		uid := types.UID(fmt.Sprint(i))
		s.deleting(cron, uid)
		s.vanished(cron, uid)
		wantWait(t, s, delay)
		wantContested(t, s, false)
		c.Step(delay)
	}
}

func TestADeletionThatFailedIsForgotten(t *testing.T) {
	s, _ := newTestSettling()
	s.deleting(cron, "1")
	s.kept("1")
	if s.isDeleting("1") {
		t.Error("is deleting what stays")
	}
}

func TestAfterAStartEveryNameWaitsForTheDelay(t *testing.T) {
	c := clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := newSettling(delay, c)
	wantWait(t, s, delay)
	c.Step(delay / 2)
	wantWait(t, s, delay/2)
	c.Step(delay / 2)
	wantWait(t, s, 0)
}

func TestWhatSomebodyKeepsDeletingComesBackLaterEachTime(t *testing.T) {
	s, c := newTestSettling()
	for i, want := range []time.Duration{delay, 2 * delay, 4 * delay, 8 * delay, 16 * delay, 32 * delay, maxContest, maxContest, maxContest} {
		s.vanished(cron, types.UID(fmt.Sprint(i)))
		wantWait(t, s, want)
		wantContested(t, s, i > 0)
		c.Step(want)
		wantWait(t, s, 0)
	}
	other := types.NamespacedName{Namespace: "golden", Name: "other"}
	s.vanished(other, "x")
	if got, contested := s.wait(other); got != delay || contested {
		t.Errorf("another name waits %s, contested %t; want %s", got, contested, delay)
	}
	// The contest is over once nobody has deleted it for a while.
	c.Step(2*maxContest + time.Second)
	s.vanished(cron, "last")
	wantWait(t, s, delay)
	wantContested(t, s, false)
}

func TestWhatSomebodyKeepsChangingBackIsSetRightLaterEachTime(t *testing.T) {
	s, c := newTestSettling()
	repairs := 0
	for end := c.Now().Add(24 * time.Hour); c.Now().Before(end); c.Step(time.Second) {
		wait, contested := s.repairIn("x")
		if contested != (repairs > 1) {
			t.Fatalf("after %d repairs contested %t", repairs, contested)
		}
		if wait == 0 {
			s.repaired("x")
			repairs++
		}
	}
	// 7 times until the pause is at its longest, then each ten minutes.
	if most := 7 + int(24*time.Hour/maxContest); repairs > most || repairs < most-7 {
		t.Errorf("repaired %d times in a day; want about %d", repairs, most)
	}
	if wait, contested := s.repairIn("y"); wait != 0 || contested {
		t.Errorf("another repair waits %s, contested %t", wait, contested)
	}
}

// TestAZeroDelayStillFightsNobody: contests start at a second then.
func TestAZeroDelayStillFightsNobody(t *testing.T) {
	c := clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := newSettling(0, c)
	wantWait(t, s, 0)
	s.repaired("x")
	if got, _ := s.repairIn("x"); got != time.Second {
		t.Errorf("waits %s; want 1s", got)
	}
}

func TestTheMemoryOfContestsEnds(t *testing.T) {
	s, c := newTestSettling()
	for i := range 6000 {
		uid := types.UID(fmt.Sprint(i))
		key := types.NamespacedName{Namespace: "golden", Name: fmt.Sprint("cron-", i)}
		switch i % 3 {
		case 0:
			s.deleting(key, uid)
			s.vanished(key, uid)
		case 1:
			s.vanished(key, uid)
		default:
			s.repaired(fmt.Sprint("repair ", i))
		}
		c.Step(time.Second)
	}
	// A contest is remembered for twice its longest pause.
	if most := int(2*maxContest/time.Second) + 1; len(s.until) > most {
		t.Errorf("remembers %d pauses; want at most %d", len(s.until), most)
	}
	if len(s.mine) > 0 {
		t.Errorf("remembers %d deletions", len(s.mine))
	}
	remembered := 0
	for i := range 6000 {
		for _, id := range []string{fmt.Sprint("golden/cron-", i), fmt.Sprint("repair ", i)} {
			if s.contests.Get(id) > 0 {
				remembered++
			}
		}
	}
	if most := int(2*maxContest/time.Second) + 1; remembered == 0 || remembered > most {
		t.Errorf("remembers %d contests; want some, and at most %d", remembered, most)
	}
}
