package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// TestTheConditionsAndTheRulesHoldOneDefinition creates generated
// DataImportCrons in a dry run and reads in the audit log which webhooks the
// API server called: those, and only those, of which the rules have something
// to say.
func TestTheConditionsAndTheRulesHoldOneDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 1))
	objects := make([]*unstructured.Unstructured, 10_000)
	for i := range objects {
		objects[i] = generate(random, fmt.Sprintf("generated-%d", i))
		if random.IntN(3) == 0 {
			spoil(random, objects[i])
		}
	}
	events := inDryRun(t, "create", len(objects), func(i int, owner client.FieldOwner) error {
		return env.client.Create(t.Context(), objects[i].DeepCopy(), client.DryRunAll, owner)
	})
	count := 0
	for i, obj := range objects {
		view, readable := viewOf(t, obj)
		decl := new(arch.Rules).Declaration(&view)
		ops, told := decl.Completion()
		says := len(ops)+len(told)+len(decl.Findings) > 0
		// Neither the name that the API server generates, nor what cannot be
		// read, is known to be right.
		unsure := decl.Arch != "" && (view.Metadata.Name == "" || !readable)
		asked := events[i].called(mutator)
		switch {
		case asked:
			count++
			if !says && !unsure {
				t.Errorf("called in vain: %v", obj.Object)
			}
		case says:
			t.Errorf("not called: %v: %v, %v", obj.Object, ops, decl.Findings)
		}
	}
	balanced(t, count, len(objects))
}

// TestTheConditionsOnUpdateLoseNothing updates generated DataImportCrons to
// other generated ones, in a dry run. One update that is not called for must
// bring no patch and no new error, and one that changes nothing that the rules
// read must not be called for.
func TestTheConditionsOnUpdateLoseNothing(t *testing.T) {
	const count, namespace, versions = 450, "flipped", 5
	random := rand.New(rand.NewPCG(2, 2))
	olds := storeUnseen(t, namespace, count, func(i int) *unstructured.Unstructured {
		obj := generate(random, fmt.Sprintf("updated-%d", i))
		obj.SetName(strings.ToLower(obj.GetName()))
		return obj
	})
	updates := make([]*unstructured.Unstructured, count*versions)
	for i := range updates {
		updates[i] = change(random, olds[i/versions].DeepCopy())
	}
	events := inDryRun(t, "update", len(updates), func(i int, owner client.FieldOwner) error {
		return env.client.Update(t.Context(), updates[i].DeepCopy(), client.DryRunAll, owner)
	})
	asked := 0
	for i, updated := range updates {
		old := olds[i/versions]
		if events[i].called(mutator) {
			asked++
			if dying(old) || cmp.Equal(readByTheRules(old), readByTheRules(updated)) {
				t.Errorf("called in vain: %v to %v", old.Object, updated.Object)
			}
			continue
		}
		if dying(old) {
			continue
		}
		before, _ := viewOf(t, old)
		after, _ := viewOf(t, updated)
		decl := new(arch.Rules).Declaration(&after)
		ops, _ := decl.CompletionOver(&before)
		if fresh := decl.Findings.Since(new(arch.Rules).Declaration(&before).Findings); len(ops) > 0 || fresh.HasErrors() {
			t.Errorf("not called: %v to %v: %v, %v", old.Object, updated.Object, ops, fresh)
		}
	}
	balanced(t, asked, len(updates))
}

// inDryRun makes writes in a dry run, several at once, and returns the audit
// event of each. They may be rejected, but by no condition. A write goes by its
// field manager: not all have a name.
func inDryRun(t *testing.T, name string, count int, write func(i int, owner client.FieldOwner) error) []event {
	t.Helper()
	prefix := t.Name() + "-" + name + "-"
	var writers errgroup.Group
	writers.SetLimit(8)
	for i := range count {
		writers.Go(func() error {
			err := write(i, client.FieldOwner(fmt.Sprint(prefix, i)))
			notByACondition(t, err)
			if err != nil && !apierrors.IsInvalid(err) {
				return fmt.Errorf("%s %d: %w", name, i, err)
			}
			return nil
		})
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	env.warnings.take()
	events := make([]event, count)
	found := auditEventsOf(t, func(e event) bool { return strings.Contains(e.RequestURI, prefix) })
	for _, e := range found {
		uri, err := url.Parse(e.RequestURI)
		if err != nil {
			t.Fatal(err)
		}
		i, err := strconv.Atoi(strings.TrimPrefix(uri.Query().Get("fieldManager"), prefix))
		if err != nil {
			t.Fatalf("%s: %v", e.RequestURI, err)
		}
		events[i] = e
	}
	if len(found) != count {
		t.Fatalf("%d events; want %d", len(found), count)
	}
	return events
}

// storeUnseen stores objects in a namespace that dicer does not look at, which
// it does from then on.
func storeUnseen(t *testing.T, namespace string, count int, generate func(i int) *unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
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
		obj := set(generate(i), namespace, "metadata", "namespace")
		// Some are on their way out, and held.
		if i%20 == 0 {
			obj.SetFinalizers([]string{"dicer.dev/test"})
		}
		create(t, obj)
		if i%20 == 0 {
			if err := env.client.Delete(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
			obj = stored(t, obj)
		}
		olds = append(olds, obj)
	}
	if err := env.Namespace(t.Context(), namespace, nil); err != nil {
		t.Fatal(err)
	}
	inForce(true)
	return olds
}

func dying(obj *unstructured.Unstructured) bool { return obj.GetDeletionTimestamp() != nil }

// balanced fails where the writes are too much alike to show anything.
func balanced(t *testing.T, called, count int) {
	t.Helper()
	t.Logf("%d of %d called for, %d not", called, count, count-called)
	if called < count/10 || count-called < count/10 {
		t.Errorf("%d called for of %d: too much alike", called, count)
	}
}

// viewOf reads an object as the rules do. readable tells whether each field is
// of its type.
func viewOf(t *testing.T, obj *unstructured.Unstructured) (view arch.DataImportCron, readable bool) {
	t.Helper()
	raw, err := json.Marshal(obj.Object)
	if err != nil {
		t.Fatal(err)
	}
	found, err := arch.Decode(raw, &view)
	if err != nil {
		t.Fatal(err)
	}
	return view, len(found) == 0
}
