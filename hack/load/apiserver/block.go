package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/hack/load/drive"
	"github.com/dicer-dev/dicer/test/cluster"
)

// warmUp is how many writes each caller makes before those that are counted:
// connections are made by it.
const warmUp = 2

// block sends writes of a kind, judges what came back, and cleans up.
func (b *bench) block(ctx context.Context, c *installation, k kind, callers int) (map[string]float64, error) {
	warm, err := b.writes(k, callers, warmUp)
	if err != nil {
		return nil, err
	}
	writes, err := b.writes(k, callers, max(1, b.Writes/callers))
	if err != nil {
		return nil, err
	}
	before, err := c.count(ctx)
	if err != nil {
		return nil, err
	}
	if _, _, err := b.send(ctx, warm); err != nil {
		return nil, err
	}
	// What was allocated so far is not these writes' to clean up.
	runtime.GC()
	answers, elapsed, err := b.send(ctx, writes)
	if err != nil {
		return nil, err
	}
	total := len(answers) + warmUp*callers
	called, err := c.called(ctx, before, k, total)
	if err != nil {
		return nil, err
	}
	var latencies []time.Duration
	for _, a := range answers {
		if err := c.judge(a); err != nil {
			return nil, err
		}
		latencies = append(latencies, a.latency)
	}
	slices.Sort(latencies)
	return map[string]float64{
		throughput: float64(len(answers)) / elapsed.Seconds(),
		p50:        drive.Percentile(latencies, 50).Seconds(),
		p99:        drive.Percentile(latencies, 99).Seconds(),
		calls:      float64(called) / float64(total),
	}, b.clear(ctx, k)
}

// writes makes as many for each caller.
func (b *bench) writes(k kind, callers, each int) ([][]*write, error) {
	writes := make([][]*write, callers)
	for caller := range callers {
		for range each {
			b.sent++
			w, err := k.write(b.ssps, b.sent, caller)
			if err != nil {
				return nil, err
			}
			writes[caller] = append(writes[caller], w)
		}
	}
	return writes, nil
}

// answer is what came back.
type answer struct {
	*write
	object  []byte
	latency time.Duration
}

// send has each caller send its writes, one after the other.
func (b *bench) send(ctx context.Context, writes [][]*write) ([]*answer, time.Duration, error) {
	answers := make([][]*answer, len(writes))
	g, ctx := errgroup.WithContext(ctx)
	started := time.Now()
	for caller, own := range writes {
		g.Go(func() error {
			for _, w := range own {
				a, err := b.sendOne(ctx, w)
				if err != nil {
					return err
				}
				answers[caller] = append(answers[caller], a)
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Concat(answers...), time.Since(started), err
}

func (b *bench) sendOne(ctx context.Context, w *write) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, w.method, b.cluster.Config.Host+w.path, bytes.NewReader(w.body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", w.contentType)
	request.Header.Set("Accept", "application/json")
	started := time.Now()
	response, err := b.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	object, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("wrong answer: %s to %s: %.1000s", response.Status, w.body, object)
	}
	return &answer{w, object, time.Since(started)}, nil
}

// count returns what the contestant's counters count.
func (c *installation) count(ctx context.Context) ([]int, error) {
	counts := make([]int, len(c.counted))
	for i, counter := range c.counted {
		var err error
		if counts[i], err = counter(ctx); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// countTimeout bounds the wait for a webhook to count: it does so a moment after
// the caller has the answer.
const countTimeout = 30 * time.Second

// called returns the calls of webhooks that so many writes have brought. It fails
// where a counter has another number than it should have.
func (c *installation) called(ctx context.Context, before []int, k kind, writes int) (int, error) {
	want := c.calls(k) * writes
	brought := make([]int, len(before))
	err := cluster.Eventually(ctx, countTimeout, func(ctx context.Context) error {
		after, err := c.count(ctx)
		if err != nil {
			return err
		}
		for i := range after {
			if brought[i] = after[i] - before[i]; brought[i] < want {
				return fmt.Errorf("wrong answer: %d writes have called webhooks %d times; want %d", writes, brought[i], want)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, n := range brought {
		// The API server repeats an update, admission included, where its cache did
		// not have the one before it yet.
		if repeated := k.ssp && want > 0; n > want && !repeated {
			return 0, fmt.Errorf("wrong answer: %d writes have called webhooks %d times; want %d", writes, n, want)
		}
	}
	return brought[0], nil
}

// clear deletes what writes have created.
func (b *bench) clear(ctx context.Context, k kind) error {
	if k.ssp {
		return nil
	}
	cron := &unstructured.Unstructured{}
	cron.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	cron.SetKind("DataImportCron")
	return b.cluster.Client.DeleteAllOf(ctx, cron, client.InNamespace(cronNamespace))
}
