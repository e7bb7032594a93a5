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

// Metrics of a sample.
const (
	Throughput = "throughput_per_second"
	P50        = "latency_p50_seconds"
	P99        = "latency_p99_seconds"
	Calls      = "webhook_calls_per_write"
)

// warmUp is how many writes each caller makes before those that are counted:
// connections are made by it.
const warmUp = 2

// block sends writes of a kind, judges what came back, and cleans up.
func (b *bench) block(ctx context.Context, c *installation, kind Kind, callers int) (map[string]float64, error) {
	warm, err := b.writes(kind, callers, warmUp)
	if err != nil {
		return nil, err
	}
	writes, err := b.writes(kind, callers, max(1, b.Writes/callers))
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
	if err := c.counts(ctx, before, c.calls(kind)*total); err != nil {
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
		Throughput: float64(len(answers)) / elapsed.Seconds(),
		P50:        drive.Percentile(latencies, 50).Seconds(),
		P99:        drive.Percentile(latencies, 99).Seconds(),
		Calls:      float64(c.calls(kind)),
	}, b.clear(ctx, kind)
}

// writes makes as many for each caller.
func (b *bench) writes(kind Kind, callers, each int) ([][]*write, error) {
	writes := make([][]*write, callers)
	for caller := range callers {
		for range each {
			b.sent++
			w, err := kind.write(b.ssps, b.sent, caller)
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
const countTimeout = 5 * time.Second

// counts fails unless each counter has counted so many calls.
func (c *installation) counts(ctx context.Context, before []int, want int) error {
	return cluster.Eventually(ctx, countTimeout, func(ctx context.Context) error {
		after, err := c.count(ctx)
		if err != nil {
			return err
		}
		for i := range after {
			if got := after[i] - before[i]; got != want {
				return fmt.Errorf("wrong answer: the webhooks were called %d times; want %d", got, want)
			}
		}
		return nil
	})
}

// clear deletes what writes have created.
func (b *bench) clear(ctx context.Context, kind Kind) error {
	if kind.SSP {
		return nil
	}
	cron := &unstructured.Unstructured{}
	cron.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	cron.SetKind("DataImportCron")
	return b.cluster.Client.DeleteAllOf(ctx, cron, client.InNamespace(cronNamespace))
}
