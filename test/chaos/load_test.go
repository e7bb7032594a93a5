//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// cause is whose failure a failed request is.
type cause string

const (
	// byWebhook: the API server did not get an answer from it.
	byWebhook cause = "the webhook was not reached"
	// byAPIServer: anything else that it says of a write, or its absence.
	byAPIServer cause = "the API server"
	// byFresh: a caller of the webhook with a new connection each time.
	byFresh cause = "a fresh connection"
	// byHandshake: a caller that makes connections alone.
	byHandshake cause = "a handshake"
)

type failure struct {
	cause        cause
	began, ended time.Time
	err          error
}

// outage is a time in which failures cannot be prevented.
type outage struct {
	from, until time.Time
	causes      []cause
}

func (o outage) explains(f failure) bool {
	for _, c := range o.causes {
		if f.cause == c && f.ended.After(o.from) && f.began.Before(o.until) {
			return true
		}
	}
	return false
}

// load is a steady stream of writes and calls, each of which needs the webhook.
type load struct {
	t      *testing.T
	s      *suite
	number int32
	// callers have finished so many requests each.
	callers []*atomic.Int64

	mu                  sync.Mutex
	requests            map[cause]int
	failures            []failure
	unmutated, admitted []string
	outages             []outage
	longest             time.Duration
	// slow were answered, though late: a busy machine's requests are so at once.
	slow []failure
}

// late is when a request counts as slow.
const late = 500 * time.Millisecond

var loadNumber atomic.Int32

// caller makes requests one after the other, each at this pace.
type caller struct {
	pace time.Duration
	call func(ctx context.Context, l *load, n int)
}

// everyday is a load of all kinds of requests.
func (s *suite) everyday() []caller {
	callers := []caller{
		{50 * time.Millisecond, s.freshCaller(false)},
		{50 * time.Millisecond, s.freshCaller(true)},
	}
	for i := range 4 {
		callers = append(callers, caller{50 * time.Millisecond, s.cronWriter(i)})
	}
	for i := range 2 {
		callers = append(callers, caller{100 * time.Millisecond, s.sspWriter(i)})
	}
	return callers
}

// under runs disturb under a load, and checks it once each request is answered. The
// load begins before and ends after.
func (s *suite) under(t *testing.T, callers []caller, disturb func(*load)) {
	t.Helper()
	l := &load{t: t, s: s, number: loadNumber.Add(1), requests: map[cause]int{}}
	ctx, stop := context.WithCancel(s.ctx)
	var group sync.WaitGroup
	// Also where disturb ends the test.
	defer group.Wait()
	defer stop()
	for _, c := range callers {
		turns := &atomic.Int64{}
		l.callers = append(l.callers, turns)
		group.Go(func() { l.run(ctx, c, turns) })
	}
	l.turn()
	disturb(l)
	l.turn()
	stop()
	group.Wait()
	l.check()
}

// run goes on until ctx ends; the last request is answered nevertheless.
func (l *load) run(ctx context.Context, c caller, turns *atomic.Int64) {
	ticker := time.NewTicker(c.pace)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			request, cancel := context.WithTimeout(l.s.ctx, patience)
			c.call(request, l, n)
			cancel()
			turns.Add(1)
		}
	}
}

// turn returns once nothing that was on its way is so any more, and each caller has
// made a request that began after that.
func (l *load) turn() {
	l.t.Helper()
	for i, turns := range l.callers {
		enough := turns.Load() + 2
		l.s.eventually(l.t, func() error {
			if turns.Load() < enough {
				return fmt.Errorf("caller %d waits for its answer", i)
			}
			return nil
		})
	}
}

// during runs what has requests fail, by nobody's fault of ours; a turn later all is
// well. It returns the time from the beginning until the last failure.
func (l *load) during(disturb func(), causes ...cause) time.Duration {
	l.t.Helper()
	o := outage{from: time.Now(), causes: causes}
	disturb()
	l.turn()
	o.until = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outages = append(l.outages, o)
	var last time.Duration
	for _, f := range l.failures {
		if o.explains(f) {
			last = max(last, f.ended.Sub(o.from))
		}
	}
	return last.Round(10 * time.Millisecond)
}

// done counts a request that began then.
func (l *load) done(c cause, began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests[c]++
	took := time.Since(began)
	l.longest = max(l.longest, took)
	if err == nil && took > late {
		l.slow = append(l.slow, failure{c, began, time.Now(), nil})
	}
	// Who is told to stop has no more answers.
	if err != nil && l.s.ctx.Err() == nil {
		l.failures = append(l.failures, failure{causeOf(c, err), began, time.Now(), err})
	}
}

// causeOf tells the webhook's absence, which the API server reports, from its own.
func causeOf(c cause, err error) cause {
	if c == byAPIServer && strings.Contains(err.Error(), "failed calling webhook") {
		return byWebhook
	}
	return c
}

func (l *load) wrong(list *[]string, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, fmt.Sprintf(format, args...))
}

// check looks at what is stored too, and adds all to the case's report.
func (l *load) check() {
	l.t.Helper()
	l.stored()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.s.report
	shown := map[cause]string{}
	for _, f := range l.failures {
		if explained(l.outages, f) {
			r.unavoidable++
			shown[f.cause] = f.err.Error()
			continue
		}
		if r.failed++; r.failed <= 5 {
			l.t.Errorf("failed, by %s, at %s after %s (%d others took more than %s then): %v",
				f.cause, f.ended.Format("15:04:05.000"), f.ended.Sub(f.began).Round(time.Millisecond), l.slowBeside(f), late, f.err)
		}
	}
	for _, text := range l.unmutated {
		l.t.Errorf("unmutated: %s", text)
	}
	for _, text := range l.admitted {
		l.t.Errorf("wrongly admitted: %s", text)
	}
	r.unmutated += len(l.unmutated)
	r.admitted += len(l.admitted)
	for _, n := range l.requests {
		r.requests += n
	}
	r.note("%d writes through the API server, %d calls and %d handshakes on fresh connections", l.requests[byAPIServer], l.requests[byFresh], l.requests[byHandshake])
	for _, c := range slices.Sorted(maps.Keys(shown)) {
		r.note("%d failed by %s, the last: %s", l.failed(c), c, shown[c])
	}
	l.t.Log(strings.Join(r.figures, "\n"))
}

// slowBeside counts the requests that were slow when another failed.
func (l *load) slowBeside(f failure) (n int) {
	for _, s := range l.slow {
		if s.ended.After(f.began) && s.began.Before(f.ended) {
			n++
		}
	}
	return n
}

// failed counts failures of a cause; l is locked.
func (l *load) failed(c cause) (n int) {
	for _, f := range l.failures {
		if f.cause == c {
			n++
		}
	}
	return n
}

func explained(outages []outage, f failure) bool {
	for _, o := range outages {
		if o.explains(f) {
			return true
		}
	}
	return false
}

// stored looks for what should not be there, and removes all. Writes whose answer
// got lost are among it.
func (l *load) stored() {
	l.t.Helper()
	for kind, check := range map[string]func(*unstructured.Unstructured){"DataImportCronList": l.storedCron, "SSPList": l.storedSSP} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kinds[kind].WithKind(kind))
		if err := l.s.Client.List(l.s.ctx, list, client.InNamespace(streamed)); err != nil {
			l.t.Fatal(err)
		}
		for i := range list.Items {
			check(&list.Items[i])
			if err := l.s.Client.Delete(l.s.ctx, &list.Items[i]); client.IgnoreNotFound(err) != nil {
				l.t.Error(err)
			}
		}
	}
}
