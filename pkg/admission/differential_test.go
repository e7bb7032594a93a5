package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// acceptances are sets of accepted architectures. Two of the last are each other's
// ends.
var acceptances = [][]string{{"amd64", "arm64", "s390x"}, {"riscv64"}, {"64", "arm64", "m64"}}

// FuzzDifference holds the patch at a creation against another reading of what it
// has to do, on objects that the input's bytes make.
func FuzzDifference(f *testing.F) {
	random := rand.New(rand.NewPCG(6, 4))
	for i := range 40 {
		f.Add(i, randomScript(random))
	}
	f.Fuzz(func(t *testing.T, set int, choices []byte) {
		differs(t, acceptances[uint(set)%uint(len(acceptances))], choices)
	})
}

// TestThePatchIsWhatAnotherReadingMakes is FuzzDifference on many objects, of which
// none is chosen by hand.
func TestThePatchIsWhatAnotherReadingMakes(t *testing.T) {
	const count = 20_000
	random := rand.New(rand.NewPCG(6, 5))
	patched, alone := 0, 0
	for i := range count {
		if differs(t, acceptances[i%len(acceptances)], randomScript(random)) {
			patched++
		} else {
			alone++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d objects: %d patched, %d left alone", count, patched, alone)
	if patched < count/5 || alone < count/5 {
		t.Errorf("%d patched and %d left alone, of %d: the objects are too much alike", patched, alone, count)
	}
}

func randomScript(random *rand.Rand) []byte {
	choices := make([]byte, 20+random.IntN(150))
	for i := range choices {
		choices[i] = byte(random.Uint32())
	}
	return choices
}

// differs compares what becomes of one object, and tells whether it is patched.
func differs(t *testing.T, accepted []string, choices []byte) bool {
	t.Helper()
	object := (&script{choices}).dataImportCron(accepted)
	raw := encode(t, object)
	want := decodeObject(t, raw)
	changed := completed(want, raw, accepted)
	policy := &Policy{}
	for _, a := range accepted {
		policy.Rules.Accepted = append(policy.Rules.Accepted, arch.Arch(a))
	}
	operations := patchOf(t, policy, raw)
	got := applied(t, raw, operations)
	if diff := cmp.Diff(want, decodeObject(t, got)); diff != "" {
		t.Errorf("accepted %v: %s\nchanged: %t; (-the other reading +the patch):\n%s", accepted, raw, changed, diff)
		return changed
	}
	for i := range operations {
		rest := slices.Delete(slices.Clone(operations), i, i+1)
		if without := applied(t, raw, rest); cmp.Equal(want, decodeObject(t, without)) {
			t.Errorf("%s: %v changes nothing", raw, operations[i])
		}
	}
	if again := patchOf(t, policy, got); len(again) > 0 {
		t.Errorf("%s\nis patched again: %v", got, again)
	}
	return len(operations) > 0
}

// patchOf asks the webhook about a creation.
func patchOf(t *testing.T, policy *Policy, raw []byte) []json.RawMessage {
	t.Helper()
	body := reviewBody(fmt.Sprintf(`{%s,"operation":"CREATE","object":%s}`, dicRequest, raw))
	patch := post(t, handlers(policy)[DataImportCronMutatePath], body).Patch
	if patch == nil {
		return nil
	}
	var operations []json.RawMessage
	if err := json.Unmarshal(patch, &operations); err != nil || len(operations) == 0 {
		t.Fatalf("%s: %v", patch, err)
	}
	return operations
}

// applied applies operations as an API server does.
func applied(t *testing.T, raw []byte, operations []json.RawMessage) []byte {
	t.Helper()
	if len(operations) == 0 {
		return raw
	}
	patch, err := jsonpatch.DecodePatch(encode(t, operations))
	if err != nil {
		t.Fatal(err)
	}
	out, err := patch.Apply(raw)
	if err != nil {
		// Only of a part of the operations may it be that it cannot be applied.
		return []byte("{}")
	}
	return out
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// decodeObject keeps every digit of a number.
func decodeObject(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}
