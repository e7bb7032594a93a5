//go:build chaos

package hostile

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	reviewPath = "/mutate/dataimportcron"
	// review is of a DataImportCron that has to be completed.
	review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",` +
		`"kind":{"group":"cdi.kubevirt.io","version":"v1beta1","kind":"DataImportCron"},"operation":"CREATE",` +
		`"object":{"metadata":{"name":"x-arm64","labels":{"template.kubevirt.io/architecture":"arm64"}},"spec":{"managedDataSource":"x"}}}}`
	// gap is between two requests of a caller that keeps its connection, seldom of the
	// others.
	gap, seldom = 5 * time.Millisecond, 200 * time.Millisecond
	// patience is an API server's, where a webhook configuration lets it.
	patience = 30 * time.Second
	// usual is what deploy/webhook lets it.
	usual = 2 * time.Second
)

// kind is how a well-behaved caller calls.
type kind struct {
	name  string
	gap   time.Duration
	http2 bool
	fresh bool
	// padding makes the review larger.
	padding int
}

// kinds: an API server keeps connections by HTTP/1.1 to a Service, by HTTP/2 to a
// loopback address; one that has just started has none.
var kinds = []kind{
	{name: "HTTP/1.1", gap: gap},
	{name: "HTTP/2", gap: gap, http2: true},
	{name: "of 200 KB", gap: seldom, padding: 200_000},
	{name: "kept, used seldom", gap: time.Second},
	{name: "fresh", gap: seldom, fresh: true},
}

// calls are what came of a caller's requests in a time.
type calls struct {
	took   []time.Duration
	failed []error
}

func (c *calls) p99() time.Duration {
	if len(c.took) == 0 {
		return 0
	}
	slices.Sort(c.took)
	return c.took[(len(c.took)*99)/100]
}

// late is how many took longer than deploy/webhook lets an API server wait.
func (c *calls) late() (n int) {
	for _, d := range c.took {
		if d > usual {
			n++
		}
	}
	return n
}

// callers are well-behaved, one of each kind.
type callers struct {
	url     string
	clients []*http.Client
}

func newCallers(address string) *callers {
	c := &callers{url: "https://" + address + reviewPath}
	for _, k := range kinds {
		c.clients = append(c.clients, &http.Client{Timeout: patience, Transport: &http.Transport{
			ForceAttemptHTTP2: k.http2, DisableKeepAlives: k.fresh,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}})
	}
	return c
}

func (c *callers) close() {
	for _, client := range c.clients {
		client.CloseIdleConnections()
	}
}

// call has each caller call for a time, and returns what came of it by kind.
func (c *callers) call(ctx context.Context, length time.Duration) []calls {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	all := make([]calls, len(kinds))
	var group sync.WaitGroup
	for i, k := range kinds {
		group.Go(func() {
			body := strings.Repeat(" ", k.padding) + review
			ticker := time.NewTicker(k.gap)
			defer ticker.Stop()
			for ctx.Err() == nil {
				started := time.Now()
				if err := ask(c.clients[i], c.url, body); err != nil {
					all[i].failed = append(all[i].failed, fmt.Errorf("%s: %w", k.name, err))
				}
				all[i].took = append(all[i].took, time.Since(started))
				select {
				case <-ticker.C:
				case <-ctx.Done():
				}
			}
		})
	}
	group.Wait()
	return all
}

// ask is not cut off by the end of a measurement.
func ask(client *http.Client, url, body string) error {
	resp, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"uid":"u","allowed":true`) {
		return fmt.Errorf("%s: %.100s", resp.Status, answer)
	}
	return nil
}
