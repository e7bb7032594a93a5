package drive

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dicer-dev/dicer/hack/load/review"
)

// Load is what is sent.
type Load struct {
	Connection Connection
	// Callers send at the same time.
	Callers int
	Review  *review.Review
	// Duration is how long reviews are sent. One that was sent is waited for.
	// Zero where Count is given.
	Duration time.Duration
	// Count is how many reviews are sent, beside one that makes a connection.
	Count int
	// MayBeRefused counts a 503 as what a server may answer to too much at once; it
	// is a wrong answer otherwise.
	MayBeRefused bool
}

// Measurement is what a load showed.
type Measurement struct {
	// Reviews were answered, from the first one sent to the last one answered in
	// Elapsed.
	Reviews int
	Elapsed time.Duration
	// P50 and P99 are latencies, as callers have them.
	P50, P99 time.Duration
	// CPU is what meter counted meanwhile.
	CPU time.Duration
	// Refused are those of Reviews that were answered by a 503.
	Refused int
	// Connections were made in all, before the first counted review too.
	Connections int
}

// Run sends a load to a target and hands each answer to answers. It fails at the
// first that is none; whether the others are right, answers.Verify tells. meter
// returns the processor time that the server has used.
func Run(ctx context.Context, target Target, load Load, answers *review.Answers, meter func() (time.Duration, error)) (Measurement, error) {
	c, err := newClient(target, load.Connection, load.Callers)
	if err != nil {
		return Measurement{}, err
	}
	defer c.close()
	var ids uids
	callers := make([]*caller, load.Callers)
	for i := range callers {
		callers[i] = &caller{client: c, review: load.Review, answers: answers, uids: &ids, mayBeRefused: load.MayBeRefused}
	}
	// One alone: with HTTP/2, the others find its connection.
	if err := callers[0].call(ctx); err != nil {
		return Measurement{}, err
	}
	// Where connections are kept, making them is not measured.
	if load.Count == 0 && load.Connection != Fresh {
		if err := together(ctx, callers, func(ctx context.Context, c *caller) error { return c.call(ctx) }); err != nil {
			return Measurement{}, err
		}
	}
	// What was allocated so far is not this run's to clean up.
	runtime.GC()
	before, err := meter()
	if err != nil {
		return Measurement{}, err
	}
	m, err := measure(ctx, callers, load)
	if err != nil {
		return Measurement{}, err
	}
	after, err := meter()
	m.CPU = after - before
	for _, c := range callers {
		m.Refused += c.refused
	}
	m.Connections = int(c.dialed.Load())
	return m, err
}

// Ask sends one review, by a connection of its own.
func Ask(ctx context.Context, target Target, r *review.Review, answers *review.Answers) error {
	c, err := newClient(target, Fresh, 1)
	if err != nil {
		return err
	}
	return (&caller{client: c, review: r, answers: answers, uids: &uids{}}).call(ctx)
}

// together has all callers at work, until the first that fails.
func together(ctx context.Context, callers []*caller, work func(context.Context, *caller) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range callers {
		g.Go(func() error { return work(ctx, c) })
	}
	return g.Wait()
}

func measure(ctx context.Context, callers []*caller, load Load) (Measurement, error) {
	budget := &budget{left: load.Count, limited: load.Count > 0}
	var mu sync.Mutex
	var latencies []time.Duration
	started := time.Now()
	if load.Duration > 0 {
		budget.until = started.Add(load.Duration)
	}
	err := together(ctx, callers, func(ctx context.Context, c *caller) error {
		own := make([]time.Duration, 0, 1<<12)
		for sent := time.Now(); budget.take(sent); {
			if err := c.call(ctx); err != nil {
				return err
			}
			answered := time.Now()
			own = append(own, answered.Sub(sent))
			sent = answered
		}
		mu.Lock()
		defer mu.Unlock()
		latencies = append(latencies, own...)
		return nil
	})
	m := Measurement{Reviews: len(latencies), Elapsed: time.Since(started)}
	slices.Sort(latencies)
	m.P50, m.P99 = Percentile(latencies, 50), Percentile(latencies, 99)
	return m, err
}

// budget is what may still be sent.
type budget struct {
	until   time.Time
	limited bool
	mu      sync.Mutex
	left    int
}

func (b *budget) take(now time.Time) bool {
	if !b.limited {
		return now.Before(b.until)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left--
	return b.left >= 0
}

// Percentile is the least of sorted values that so many percent do not exceed; 0
// of none.
func Percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}
