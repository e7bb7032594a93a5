//go:build chaos

package hostile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	// quiet is how long callers are watched before and after an attack, attacked how
	// long under it.
	quiet, attacked = 3 * time.Second, 9 * time.Second
	// settle is given to the server after an attack, before it counts as quiet again.
	settle = time.Second
)

// row is what came of one attack.
type row struct {
	name          string
	done          result
	quiet, during []calls
	peak          int64
}

// TestWellBehavedCallersAreAnsweredUnderAttack has each attack meet a server of its
// own. The attackers have the lowest priority.
func TestWellBehavedCallersAreAnsweredUnderAttack(t *testing.T) {
	limit := memoryLimit(t)
	var rows []row
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			r := suffer(t, a)
			rows = append(rows, r)
			for k, c := range r.during {
				if a.near && kinds[k].fresh {
					continue
				}
				for i, err := range c.failed {
					if i == 5 {
						t.Errorf("and %d more", len(c.failed)-i)
						break
					}
					t.Error(err)
				}
			}
			if r.peak >= limit {
				t.Errorf("the server had %d MiB; its limit is %d", r.peak>>20, limit>>20)
			}
		})
	}
	t.Logf("attackers: %s, near: the callers' own address, priority %d; memory limit %d MiB\n%s", far, lowest, limit>>20, table(rows))
}

func suffer(t *testing.T, a attack) row {
	t.Helper()
	certificates, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := startWebhook(t, certificates)
	defer w.Kill()
	address := w.Address()
	callers := newCallers(address)
	defer callers.close()
	callers.call(t.Context(), settle) // connections and caches
	before := callers.call(t.Context(), quiet)
	attackers := startAttack(t, a, address)
	during := callers.call(t.Context(), attacked)
	done := attackers.end(t)
	peak := peakMemory(t, w.PID())
	time.Sleep(settle)
	after := callers.call(t.Context(), quiet)
	for i := range before {
		before[i].took = append(before[i].took, after[i].took...)
		if failed := append(before[i].failed, after[i].failed...); len(failed) > 0 {
			t.Errorf("without an attack %d fail: %v", len(failed), failed[0])
		}
	}
	return row{a.name, done, before, during, peak}
}

// startWebhook tries again: a port that was free may be an attacker's by now.
func startWebhook(t *testing.T, certificates *cluster.Certificates) (w *cluster.Webhook) {
	t.Helper()
	err := cluster.Eventually(t.Context(), time.Minute, func(ctx context.Context) (err error) {
		w, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{Binary: env.binary, Certificates: certificates, LogDir: t.TempDir()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// memoryLimit is that of the webhook's container.
func memoryLimit(t *testing.T) int64 {
	t.Helper()
	content, err := os.ReadFile("../../deploy/base/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &appsv1.Deployment{}
	if err := yaml.UnmarshalStrict(content, d); err != nil {
		t.Fatal(err)
	}
	return d.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().Value()
}

// peakMemory is the most that was resident, the binary's file included.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

func table(rows []row) string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "ATTACK\tcallers\tconnections\trequests\trefused\tMiB\twell-behaved\tfailed\tover 2 s\t")
	for _, k := range kinds {
		fmt.Fprintf(w, "%s: p99\tquiet\tratio\t", k.name)
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		sent, failed, late := 0, 0, 0
		for _, c := range r.during {
			sent, failed, late = sent+len(c.took), failed+len(c.failed), late+c.late()
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t", r.name, r.done.Most, r.done.Connections, r.done.Requests, r.done.Refused, r.peak>>20, sent, failed, late)
		for i := range kinds {
			during, quiet := r.during[i].p99(), r.quiet[i].p99()
			fmt.Fprintf(w, "%.1f ms\t%.1f ms\t%.1f\t", during.Seconds()*1000, quiet.Seconds()*1000, float64(during)/float64(max(quiet, 1)))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // into memory
	return out.String()
}
