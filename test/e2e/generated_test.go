package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// TestTheConditionsAndTheRulesHoldOneDefinition creates generated
// DataImportCrons in a dry run and reads in the audit log which webhooks the
// API server called. One that is not called for must have nothing to say.
func TestTheConditionsAndTheRulesHoldOneDefinition(t *testing.T) {
	const count = 2000
	random := rand.New(rand.NewPCG(2, 1))
	views := make(map[string]arch.DataImportCron, count)
	for i := range count {
		obj := generate(random, fmt.Sprintf("generated-%d", i))
		views[obj.GetName()] = viewOf(t, obj)
		err := env.client.Create(t.Context(), obj, client.DryRunAll)
		if err != nil && !strings.Contains(err.Error(), "dicer.dev") {
			t.Fatalf("%v: %v", obj.Object, err)
		}
	}
	env.warnings.take()
	events := auditEvents(t, "generated-")
	if len(events) != count {
		t.Fatalf("%d events; want %d", len(events), count)
	}
	var rules arch.Rules
	called, silent := 0, 0
	for _, event := range events {
		view := views[event.ObjectRef.Name]
		decl := rules.Declaration(&view)
		ops, told := decl.Completion()
		says := len(ops) + len(told) + len(decl.Findings)
		_, asked := event.Annotations["mutate.dataimportcron.dicer.dev/decision"]
		switch {
		case asked:
			called++
			if says == 0 {
				t.Errorf("called in vain: %+v", view)
			}
		case says > 0:
			t.Errorf("not called: %+v: %v", view, decl.Findings)
		default:
			silent++
		}
	}
	t.Logf("%d of %d called for, %d not", called, count, silent)
	if called < count/10 || silent < count/10 {
		t.Errorf("%d called for and %d not: the generated objects are too much alike", called, silent)
	}
}

func viewOf(t *testing.T, obj *unstructured.Unstructured) arch.DataImportCron {
	t.Helper()
	var view arch.DataImportCron
	raw, err := json.Marshal(obj.Object)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := arch.Decode(raw, &view); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	return view
}

// TestTheConditionsOnUpdateLoseNothing updates generated DataImportCrons to
// other generated ones, in a dry run. One update that is not called for must
// bring no patch and no new error.
func TestTheConditionsOnUpdateLoseNothing(t *testing.T) {
	const count, namespace = 400, "flipped"
	random := rand.New(rand.NewPCG(2, 2))
	if err := env.Namespace(t.Context(), namespace, map[string]string{"dicer.dev/admission": "ignore"}); err != nil {
		t.Fatal(err)
	}
	inForce := func(want bool) {
		t.Helper()
		eventually(t, func() error {
			probe := set(dic("probe", labels(archKey, "mips"), "probe", registry), namespace, "metadata", "namespace")
			if err := env.client.Create(t.Context(), probe, client.DryRunAll); (err != nil) != want {
				return fmt.Errorf("rejected: %v; want it so: %t", err, want)
			}
			return nil
		})
	}
	inForce(false)
	var olds []*unstructured.Unstructured
	for i := range count {
		obj := set(generate(random, fmt.Sprintf("updated-%d", i)), namespace, "metadata", "namespace")
		create(t, obj)
		olds = append(olds, obj)
	}
	if err := env.Namespace(t.Context(), namespace, nil); err != nil {
		t.Fatal(err)
	}
	inForce(true)
	type pair struct{ old, updated arch.DataImportCron }
	pairs := make(map[string]pair, count)
	for _, old := range olds {
		updated := old.DeepCopy()
		// Each part is the old one's, or another's.
		other := generate(random, "x")
		for _, path := range [][]string{{"metadata", "labels"}, {"metadata", "annotations"}, {"spec", "managedDataSource"}, {"spec", "template", "spec", "source"}, {"spec", "schedule"}} {
			value, found, _ := unstructured.NestedFieldCopy(other.Object, path...)
			switch {
			case random.IntN(3) > 0:
			case found:
				set(updated, value, path...)
			default:
				unstructured.RemoveNestedField(updated.Object, path...)
			}
		}
		pairs[old.GetName()] = pair{viewOf(t, old), viewOf(t, updated)}
		err := env.client.Update(t.Context(), updated, client.DryRunAll)
		if err != nil && !strings.Contains(err.Error(), "dicer.dev") {
			t.Fatalf("%v: %v", updated.Object, err)
		}
	}
	env.warnings.take()
	var rules arch.Rules
	called, silent := 0, 0
	for _, event := range auditEvents(t, "updated-") {
		p, ok := pairs[event.ObjectRef.Name]
		if !ok || event.Verb != "update" {
			continue
		}
		if _, asked := event.Annotations["mutate.dataimportcron.dicer.dev/decision"]; asked {
			called++
			continue
		}
		silent++
		decl := rules.Declaration(&p.updated)
		ops, _ := decl.CompletionOver(&p.old)
		if fresh := decl.Findings.Since(rules.Declaration(&p.old).Findings); len(ops) > 0 || fresh.HasErrors() {
			t.Errorf("not called: %+v to %+v: %v, %v", p.old, p.updated, ops, fresh)
		}
	}
	t.Logf("%d called for, %d not", called, silent)
	if called+silent != count || called < count/10 || silent < count/10 {
		t.Errorf("%d called for and %d not, of %d", called, silent, count)
	}
}

// generate makes a DataImportCron that may be complete, incomplete,
// contradictory or without a declaration.
func generate(random *rand.Rand, prefix string) *unstructured.Unstructured {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	a := pick("amd64", "arm64", "s390x", "mips", "")
	other := func() string { return pick(a, a, a, a, a, a, "amd64", "arm64", "") }
	suffix := func(s string) string {
		if s == "" {
			return ""
		}
		return "-" + s
	}
	base := pick("x", "x", "x", "x-arm64", strings.Repeat("a", 57), strings.Repeat("a", 58))
	name := prefix + suffix(other())
	if random.IntN(20) == 0 {
		name = prefix + "-" + strings.Repeat("n", 50) + suffix(a)
	}
	source := "http: {url: 'http://x.invalid'}"
	if random.IntN(8) > 0 {
		source = registry
		if platform := other(); platform != "" || random.IntN(2) == 0 {
			source = registryOf(platform)
		}
	}
	obj := dic(name, "", base+suffix(other()), source)
	if random.IntN(6) > 0 && a != "" || random.IntN(20) == 0 {
		set(obj, a, "metadata", "labels", archKey)
	}
	if random.IntN(4) > 0 {
		set(obj, pick(base, base, base, base, "x", ""), "metadata", "labels", baseKey)
	}
	if random.IntN(4) == 0 {
		set(obj, pick("", a, a, "amd64", "amd64,arm64", " arm64 ", ","), "metadata", "annotations", listKey)
	}
	return obj
}
