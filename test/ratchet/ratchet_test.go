package ratchet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	sspv1beta2 "kubevirt.io/ssp-operator/api/v1beta2"
	sspv1beta3 "kubevirt.io/ssp-operator/api/v1beta3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	objects = 2000
	// writers write at the same time, each to its own objects.
	writers = 8
)

// TestWhatWasInvalidStaysWritable creates objects that break each rule in each way,
// installs the webhooks, and makes every write that leaves what is wrong alone: with
// a replica up, and with none.
func TestWhatWasInvalidStaysWritable(t *testing.T) {
	c := newClient(t)
	all := generate()
	forEach(t, all, func(i int) error { return c.Create(t.Context(), all[i].Unstructured) })
	webhook := install(t)
	results := newTally()
	forEach(t, all, func(i int) error { return breaksARule(t.Context(), c, all[i]) })
	for _, b := range all {
		results.ways[b.way]++
	}
	write(t, c, all, results, "one replica")
	webhook.Kill()
	if err := aFreshOneIsRefused(t.Context(), c, all[0]); err != nil {
		t.Error(err)
	}
	write(t, c, all, results, "no replica")
	t.Logf("%d objects, invalid in %d ways; writes and failures:\n%s", len(all), len(results.ways), results)
	for _, text := range results.errors[:min(len(results.errors), 10)] {
		t.Error(text)
	}
}

func newClient(t *testing.T) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{cdiv1beta1.AddToScheme, sspv1beta2.AddToScheme, sspv1beta3.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Namespace(t.Context(), namespace, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// generate makes as many of each way, in an order that is the same each time.
func generate() []broken {
	p := pick{rand.New(rand.NewPCG(6, 5))}
	var all []broken
	for len(all) < objects {
		for _, way := range slices.Sorted(maps.Keys(badDICs)) {
			all = append(all, newDIC(len(all), way, badDICs[way](p), p))
		}
		for _, way := range slices.Sorted(maps.Keys(badTemplates)) {
			all = append(all, newSSP(len(all), way, badTemplates[way](p), p))
		}
	}
	return all[:objects]
}

// breaksARule asks for a copy under another name: an operator's is warned about,
// which is not looked at here, any other is rejected.
func breaksARule(ctx context.Context, c client.Client, b broken) error {
	err := c.Create(ctx, fresh(b), client.DryRunAll)
	var status apierrors.APIStatus
	switch {
	case b.tolerated && err == nil:
		return nil
	case !b.tolerated && errors.As(err, &status) && status.Status().Code == 422 && strings.Contains(err.Error(), ".dicer.dev"):
		return nil
	}
	return fmt.Errorf("%s: a new one, that an operator owns: %t: %v; want it rejected unless it does", b.way, b.tolerated, err)
}

// aFreshOneIsRefused shows that the webhooks are still asked.
func aFreshOneIsRefused(ctx context.Context, c client.Client, b broken) error {
	if err := c.Create(ctx, fresh(b), client.DryRunAll); err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
		return fmt.Errorf("without a replica: %v; want a webhook that cannot be called", err)
	}
	return nil
}

func fresh(b broken) client.Object {
	obj := b.DeepCopy()
	obj.SetName("b" + b.GetName()[1:])
	obj.SetResourceVersion("")
	obj.SetUID("")
	return obj
}

// write makes each change to each object, each time in another client's way. With
// the last write half of the objects that are left go.
func write(t *testing.T, c client.Client, all []broken, results *tally, phase string) {
	t.Helper()
	policies := []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan}
	forEach(t, all, func(i int) error {
		obj := all[i].Unstructured
		goes := (i%2 == 0) == (phase == "one replica")
		if !goes && phase == "no replica" {
			return nil // it is gone
		}
		for n, change := range changes {
			// Another way in each phase, and every way for each change.
			way := ways[(i/2+n+len(phase))%len(ways)]
			path, value := change.of(obj, strings.ReplaceAll(phase, " ", "-"))
			as := clients{c, change.name == "status" && obj.GetKind() == "SSP"}
			results.add(phase, change.name, way.name, all[i], 1, way.write(t.Context(), as, obj, path, value))
		}
		if !goes {
			return nil
		}
		n, err := remove(t.Context(), c, obj, policies[i/2%len(policies)])
		results.add(phase, "deletion", "deletion", all[i], n, err)
		return nil
	})
}

// forEach calls do for each object, by several writers at once.
func forEach(t *testing.T, all []broken, do func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	next := make(chan int)
	for range writers {
		group.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					t.Errorf("%s %s (%s): %v", all[i].GetKind(), all[i].GetName(), all[i].way, err)
				}
			}
		})
	}
	for i := range all {
		if t.Failed() {
			break
		}
		next <- i
	}
	close(next)
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// tally counts writes and failures, by what they change and by how.
type tally struct {
	mu     sync.Mutex
	count  map[row]*counts
	ways   map[string]int
	errors []string
}

type row struct{ phase, what string }

type counts struct{ writes, failures int }

func newTally() *tally { return &tally{count: map[row]*counts{}, ways: map[string]int{}} }

func (r *tally) add(phase, change, way string, b broken, writes int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, what := range []string{change + " of a " + b.GetKind(), "by " + way, "in all"} {
		n := r.count[row{phase, what}]
		if n == nil {
			n = &counts{}
			r.count[row{phase, what}] = n
		}
		n.writes += writes
		if err != nil {
			n.failures++
		}
	}
	if err != nil {
		r.errors = append(r.errors, fmt.Sprintf("%s: %s by %s: %s %s (%s): %v", phase, change, way, b.GetKind(), b.GetName(), b.way, err))
	}
}

func (r *tally) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	byName := func(a, b row) int { return strings.Compare(a.phase+a.what, b.phase+b.what) }
	for _, key := range slices.SortedFunc(maps.Keys(r.count), byName) {
		n := r.count[key]
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", key.phase, key.what, n.writes, n.failures)
	}
	_ = w.Flush() // to memory
	return out.String()
}

// install starts a replica and installs the webhooks.
func install(t *testing.T) *cluster.Webhook {
	t.Helper()
	dir := t.TempDir()
	binary, err := cluster.BuildWebhook(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := cluster.NewCertificates(dir + "/certs")
	if err != nil {
		t.Fatal(err)
	}
	environment, err := env.WebhookEnvironment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	webhook, err := cluster.StartWebhook(t.Context(), cluster.WebhookOptions{Binary: binary, Certificates: certificates, LogDir: dir, Env: environment})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(webhook.Kill)
	if err := env.InstallWebhooks(t.Context(), webhook); err != nil {
		t.Fatal(err)
	}
	return webhook
}
