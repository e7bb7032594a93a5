package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	chaosTemplates = 50
	chaosKills     = 40
)

// chaos is an SSP in a place, and what changes it.
type chaos struct {
	*place
	random       *rand.Rand
	slots        []*slot
	edits, anew  int
	kills, lives atomic.Int32
}

func newChaos(t *testing.T, seed uint64) *chaos {
	c := &chaos{place: newPlace(t, "--recreate-delay=200ms"), random: rand.New(rand.NewPCG(seed, 0))}
	for i := range chaosTemplates {
		name := fmt.Sprintf("t%02d", i)
		c.slots = append(c.slots, &slot{
			name: name, list: validList(c.random), stream: "guest", dataSource: "a-of-" + name, schedule: "0 1 * * *",
			labels: map[string]any{}, annotations: map[string]any{},
		})
	}
	return c
}

// write puts the SSP into the cluster.
func (c *chaos) write() *unstructured.Unstructured {
	c.t.Helper()
	var templates []any
	for _, s := range c.slots {
		if !s.absent {
			templates = append(templates, s.template())
		}
	}
	object := ssp("ssp")
	object.SetNamespace(c.ssps)
	return c.put(set(object, templates, "spec", "commonTemplates", "dataImportCronTemplates"))
}

// rage edits the SSP until the time is over, and there were enough kills.
func (c *chaos) rage(during time.Duration) {
	c.t.Helper()
	current := c.write()
	for end := time.Now().Add(during); time.Now().Before(end) || c.kills.Load() < chaosKills; time.Sleep(time.Duration(c.random.IntN(150)) * time.Millisecond) {
		if c.t.Failed() || time.Now().After(end.Add(during)) {
			c.t.Fatalf("%d kills, at last; want %d", c.kills.Load(), chaosKills)
		}
		if c.random.IntN(60) == 0 {
			c.delete(current)
			c.anew++
			// Long enough, at times, for the controller to see it gone.
			time.Sleep(time.Duration(c.random.IntN(1500)) * time.Millisecond)
		}
		for range 1 + c.random.IntN(4) {
			c.slots[c.random.IntN(len(c.slots))].edit(c.random)
		}
		c.edits++
		current = c.write()
	}
}

// calm makes the SSP valid. Those whose names foreign objects hold ask for all
// architectures.
func (c *chaos) calm() *unstructured.Unstructured {
	c.t.Helper()
	for i, s := range c.slots {
		switch {
		case i < 6:
			s.absent, s.list = false, "amd64,arm64,s390x"
		case i%5 > 0:
			s.list = validList(c.random)
		default:
			s.list = ""
		}
	}
	return c.write()
}

// slaughter starts controllers and kills each at a random point of its life,
// also while it starts.
func (c *chaos) slaughter(ctx context.Context, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	for ctx.Err() == nil {
		life, cancel := context.WithTimeout(ctx, time.Duration(10+random.IntN(1490))*time.Millisecond)
		f, err := cluster.StartFanout(life, cluster.FanoutOptions{
			Binary: fanoutSetup.binary, Kubeconfig: fanoutSetup.kubeconfig, LogDir: fanoutSetup.dir, Args: c.args,
		})
		switch {
		case err == nil:
			<-life.Done()
			f.Kill()
			c.lives.Add(1)
		case life.Err() == nil:
			c.t.Errorf("starting a controller: %v", err)
		}
		cancel()
		c.kills.Add(1)
	}
}

// foreigners are objects that are not dicer's, though some look like it.
func (c *chaos) foreigners(ssp *unstructured.Unstructured) []*unstructured.Unstructured {
	record := func(object string) string {
		return annotations("dicer.dev/ssp", c.ssps+"/ssp", "dicer.dev/ssp-uid", string(ssp.GetUID()), "dicer.dev/object", c.golden+"/"+object,
			"dicer.dev/template", "t99", "dicer.dev/spec-hash", "v1:"+strings.Repeat("0", 64), "dicer.dev/metadata-keys", "{}")
	}
	own := labels(managedByKey, "dicer")
	adopted := strings.TrimSuffix(record("t03-amd64"), "}") + fmt.Sprintf(", %s: %s/ssp, %s: SSP.ssp.kubevirt.io}", primaryKey, c.ssps, primaryTypeKey)
	cron := func(name, metadata string) *unstructured.Unstructured {
		return dic(name, metadata, "own-of-"+name, registry)
	}
	source := func(name, metadata string) *unstructured.Unstructured {
		return parse(fmt.Sprintf(`{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataSource, metadata: {name: %q%s}, spec: {source: {}}}`, name, metadata))
	}
	out := []*unstructured.Unstructured{
		cron("somebodys", ""), cron("t00-amd64", ""), cron("t01-arm64", own), cron("t02-s390x", own+record("t01-s390x")),
		cron("t03-amd64", own+adopted), cron("t04-amd64", labels(managedByKey, "ssp-operator")+record("t04-amd64")),
		cron("t05-amd64", own+annotations("dicer.dev/object", c.golden+"/t05-amd64", "dicer.dev/ssp", "nonsense")),
		cron("copied", own+record("t00-arm64")), cron("adopted", own+strings.Replace(adopted, "t03-amd64", "adopted", 1)),
		source("a-of-t00", ""), source("a-of-t01-amd64", own), source("a-of-t02", own+record("a-of-t03")),
	}
	for _, object := range out {
		object.SetNamespace(c.golden)
	}
	elsewhere := cron("t06-amd64", own+record("t06-amd64"))
	elsewhere.SetNamespace(c.ssps)
	return append(out, elsewhere)
}

// longer is a setting that test/chaos makes larger.
func longer[T any](t *testing.T, variable string, usual T, parse func(string) (T, error)) T {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		return usual
	}
	set, err := parse(value)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return set
}

// whileKilling does something while controllers are killed.
func (c *chaos) whileKilling(seed uint64, do func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.slaughter(ctx, seed) }()
	defer func() { cancel(); <-ended }()
	do()
}

func TestFanoutSurvivesChaos(t *testing.T) {
	t.Parallel()
	during, seed := longer(t, "DICER_CHAOS", 45*time.Second, time.ParseDuration), uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := newChaos(t, seed)
	foreign := c.foreigners(c.write())
	for i, object := range foreign {
		foreign[i] = stored(t, c.put(object))
	}
	c.whileKilling(seed, func() { c.rage(during) })
	last := c.calm()
	f := c.start()
	c.standsAsAsked(stored(t, last), foreign)
	before := c.writes(c.golden)
	c.reconciled(f, last)
	raging := c.kills.Load()
	c.whileKilling(seed+1, func() {
		c.eventually(func() error {
			if n := c.kills.Load() - raging; n < chaosKills/4 {
				return fmt.Errorf("%d kills without a change", n)
			}
			return nil
		})
	})
	c.reconciled(f, last)
	if diff := cmp.Diff(before, c.writes(c.golden)); diff != "" {
		t.Errorf("without a change it wrote (-before +after):\n%s", diff)
	}
	c.neverForbidden(f)
	codes := map[string]int{}
	for _, write := range before {
		fields := strings.Fields(write)
		codes[fields[0]+" "+fields[2]]++
	}
	t.Logf("figures: %d writes of fan-out's, %v: %d kills, %d of them of controllers that were ready; %d edits of the SSP, %d deletions of it; 0 in the last %d kills, without an edit",
		len(before), codes, c.kills.Load(), c.lives.Load(), c.edits, c.anew, c.kills.Load()-raging)
}

// standsAsAsked waits until exactly what an SSP asks for stands beside what is
// foreign, and compares all of it.
func (c *chaos) standsAsAsked(ssp *unstructured.Unstructured, foreign []*unstructured.Unstructured) {
	c.t.Helper()
	wanted := wantedOf(ssp, c.golden, true, false)
	var names []string
	for _, object := range foreign {
		if object.GetKind() == "DataImportCron" && object.GetNamespace() == c.golden {
			delete(wanted, object.GetName())
			names = append(names, object.GetName())
		}
	}
	have := c.stand(append(names, slices.Collect(maps.Keys(wanted))...)...)
	c.eventually(func() error {
		// What stands may still have to be replaced, or get another label.
		have = c.crons(c.golden)
		for name, want := range wanted {
			if have[name] == nil {
				return fmt.Errorf("%s does not stand", name)
			}
			if diff := cmp.Diff(plain(c.t, want.Object), plain(c.t, without(have[name]))); diff != "" {
				return fmt.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if len(have) != len(wanted)+len(names) {
			return fmt.Errorf("%d stand; want %d and %d foreign ones", len(have), len(wanted), len(names))
		}
		return nil
	})
	for name := range wanted {
		if manager := have[name].GetLabels()[managedByKey]; manager != "dicer" {
			c.t.Errorf("%s is managed by %q", name, manager)
		}
	}
	for _, before := range foreign {
		if diff := cmp.Diff(before.Object, stored(c.t, before).Object); diff != "" {
			c.t.Errorf("foreign %s %s (-before +after):\n%s", before.GetKind(), before.GetName(), diff)
		}
	}
	c.t.Logf("figures: %d DataImportCrons as asked for, %d foreign objects, none different by a byte", len(wanted), len(foreign))
}

// plain is an object as JSON has it, without empty labels and annotations.
func plain(t *testing.T, object map[string]any) (out map[string]any) {
	t.Helper()
	content, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(content, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	metadata := out["metadata"].(map[string]any)
	for _, key := range []string{"labels", "annotations"} {
		if m, _ := metadata[key].(map[string]any); len(m) == 0 {
			delete(metadata, key)
		}
	}
	return out
}
