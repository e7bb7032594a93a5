//go:build kind

package kind

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// writers create one DataImportCron after the other, each at this pace.
	writers = 4
	pace    = 50 * time.Millisecond
)

// outcome is what became of a stream of creates, each of which needs the webhook.
type outcome struct {
	mu        sync.Mutex
	created   int
	unmutated []string
	// webhook are errors of a call of the webhook, others those of the API
	// server.
	webhook, others []failure
}

type failure struct {
	at  time.Time
	err error
}

func (o *outcome) String() string {
	text := fmt.Sprintf("%d created, %d failed, %d unmutated", o.created, len(o.webhook)+len(o.others), len(o.unmutated))
	if len(o.webhook)+len(o.others) > 0 {
		text += fmt.Sprintf(" (%d by the webhook's absence within %s, %d by the API server's within %s)",
			len(o.webhook), span(o.webhook), len(o.others), span(o.others))
	}
	return text
}

// span is the time from the first failure to the last.
func span(failures []failure) time.Duration {
	if len(failures) == 0 {
		return 0
	}
	first, last := failures[0].at, failures[0].at
	for _, f := range failures {
		if f.at.Before(first) {
			first = f.at
		}
		if f.at.After(last) {
			last = f.at
		}
	}
	return last.Sub(first).Round(10 * time.Millisecond)
}

// streams counts them, for names that no other has.
var streams atomic.Int64

// whileCreating runs disturb under a steady stream of creates, and returns once
// each of them is answered. The stream begins before and ends after.
func (s *suite) whileCreating(t *testing.T, disturb func()) *outcome {
	t.Helper()
	o := &outcome{}
	ctx, stop := context.WithCancel(t.Context())
	stream := streams.Add(1)
	var group sync.WaitGroup
	// Also where disturb ends the test.
	defer group.Wait()
	defer stop()
	t.Cleanup(func() {
		_ = s.Client.DeleteAllOf(context.Background(), cron("", nil, ""), client.InNamespace(streamed))
	})
	for writer := range writers {
		group.Go(func() {
			ticker := time.NewTicker(pace)
			defer ticker.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
					s.create(t, o, fmt.Sprintf("stream-%d-%d-%d", stream, writer, i))
				}
			}
		})
	}
	// It flows before it is disturbed.
	s.eventually(t, time.Minute, func() error { return o.grown(10) })
	disturb()
	o.mu.Lock()
	enough := o.created + 10
	o.mu.Unlock()
	s.eventually(t, time.Minute, func() error { return o.grown(enough) })
	stop()
	group.Wait()
	return o
}

func (o *outcome) grown(to int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.created < to {
		return fmt.Errorf("%s; want %d created", o, to)
	}
	return nil
}

// create is answered whatever becomes of the stream.
func (s *suite) create(t *testing.T, o *outcome, base string) {
	made := cron(base+"-amd64", map[string]string{archKey: "amd64"}, base)
	err := s.Client.Create(context.WithoutCancel(t.Context()), made)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.created++
		if err := completed(made, "amd64", base); err != nil {
			o.unmutated = append(o.unmutated, err.Error())
		}
	case apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook"):
		o.webhook = append(o.webhook, failure{time.Now(), err})
	default:
		o.others = append(o.others, failure{time.Now(), err})
	}
}

// check fails the test where something slipped through, or failed.
func (s *suite) check(t *testing.T, o *outcome) {
	t.Helper()
	s.checkSince(t, o, time.Time{})
}

// checkSince lets creates fail until a time, at which all is well again.
func (s *suite) checkSince(t *testing.T, o *outcome, recovered time.Time) {
	t.Helper()
	s.figures = o.String()
	t.Log(o)
	for _, text := range o.unmutated {
		t.Errorf("unmutated: %s", text)
	}
	shown := 0
	for _, f := range slices.Concat(o.webhook, o.others) {
		if f.at.After(recovered) && shown < 5 {
			shown++
			t.Errorf("failed at %s: %v", f.at.Format("15:04:05.000"), f.err)
		}
	}
	s.noneIsIncomplete(t)
}

// noneIsIncomplete reads all that was stored, and removes it.
func (s *suite) noneIsIncomplete(t *testing.T) {
	t.Helper()
	list := cronList()
	if err := s.Client.List(t.Context(), list, client.InNamespace(streamed)); err != nil {
		t.Fatal(err)
	}
	for _, stored := range list.Items {
		if err := completed(&stored, "amd64", strings.TrimSuffix(stored.GetName(), "-amd64")); err != nil {
			t.Error(err)
		}
	}
	// Thousands may take longer than an API server gives one request: each goes on where
	// the one before has ended.
	s.eventually(t, 10*time.Minute, func() error {
		return s.Client.DeleteAllOf(t.Context(), cron("", nil, ""), client.InNamespace(streamed))
	})
}
