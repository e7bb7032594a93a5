package fanout

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// doubts remembers why an SSP that is not there may be back in a moment.
type doubts struct {
	mu sync.Mutex
	// gone is when an SSP was first found to be gone.
	gone map[types.NamespacedName]time.Time
	// unservedAt is when SSPs were last found not to be served.
	unservedAt time.Time
}

func newDoubts() *doubts { return &doubts{gone: map[types.NamespacedName]time.Time{}} }

// unserved notes that SSPs are not served.
func (d *doubts) unserved(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unservedAt = now
}

// lately tells whether SSPs were not served a moment ago.
func (d *doubts) lately(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.unservedAt.IsZero() && now.Sub(d.unservedAt) < servedGrace
}

// wait is how long an SSP has to be gone still before what it leaves is
// deleted: "kubectl replace --force" deletes it and creates it again.
func (d *doubts) wait(key types.NamespacedName, now time.Time, delay time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	since, known := d.gone[key]
	if !known {
		since = now
		d.gone[key] = now
	}
	return max(0, since.Add(delay).Sub(now))
}

// forget ends the doubts about an SSP: it is back, or all is deleted.
func (d *doubts) forget(key types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.gone, key)
}
