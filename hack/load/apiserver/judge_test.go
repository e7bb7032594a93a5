package apiserver

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dicer-dev/dicer/pkg/arch"
)

func mustWrite(t *testing.T, k kind, n int) *write {
	t.Helper()
	s := ssps{}
	object, err := json.Marshal(ssp(0))
	if err != nil {
		t.Fatal(err)
	}
	s[0] = object
	w, err := k.write(s, n, 0)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTheWritesAreWhatTheyAreCalled(t *testing.T) {
	patched := map[string]bool{"complete DataImportCron": false, "undeclared DataImportCron": false, "incomplete DataImportCron": true}
	for _, k := range kinds() {
		want, created := patched[k.name]
		if created == k.ssp {
			t.Fatalf("%s: what is it?", k.name)
		}
		for n := range 10 {
			w := mustWrite(t, k, n)
			if k.ssp {
				continue
			}
			var view arch.DataImportCron
			if _, err := arch.Decode(w.body, &view); err != nil {
				t.Fatal(err)
			}
			decl := arch.Rules{}.Declaration(&view)
			ops, _ := decl.Completion()
			if got := len(ops) > 0; got != want || len(decl.Findings) > 0 {
				t.Errorf("%s: patched: %t, findings %v: %s", k.name, got, decl.Findings, w.body)
			}
		}
	}
}

func TestAnObjectIsJudgedByWhatIsInstalled(t *testing.T) {
	w := mustWrite(t, kinds()[2], 1)
	object := func(from map[string]any, change func(object, metadata map[string]any)) []byte {
		raw, err := json.Marshal(from)
		if err != nil {
			t.Fatal(err)
		}
		made, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		metadata := made["metadata"].(map[string]any)
		metadata["uid"], metadata["managedFields"] = "1", []any{}
		if change != nil {
			change(made, metadata)
		}
		if raw, err = json.Marshal(made); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	untouched, completed := object(w.untouched, nil), object(w.completed, nil)
	relabelled := object(w.completed, func(_, metadata map[string]any) { metadata["labels"] = map[string]any{"x": "y"} })
	emptied := object(w.completed, func(object, _ map[string]any) { object["status"] = map[string]any{} })
	byNone, byDicer := &installation{}, &installation{completes: true}
	byTyped := &installation{completes: true, emptyFields: true}
	for _, tc := range []struct {
		name   string
		c      *installation
		object []byte
		right  bool
	}{
		{"untouched where nothing is installed", byNone, untouched, true},
		{"completed where nothing is installed", byNone, completed, false},
		{"untouched where dicer is", byDicer, untouched, false},
		{"completed where dicer is", byDicer, completed, true},
		{"another label", byDicer, relabelled, false},
		{"an empty field", byDicer, emptied, false},
		{"an empty field of a Go type", byTyped, emptied, true},
		{"another label of a Go type's", byTyped, relabelled, false},
		{"no object", byDicer, []byte("[]"), false},
	} {
		if err := tc.c.judge(&answer{write: w, object: tc.object}); (err == nil) != tc.right {
			t.Errorf("%s: error %v", tc.name, err)
		} else if err != nil && !strings.HasPrefix(err.Error(), "wrong answer") {
			t.Errorf("%s: error %v names no wrong answer", tc.name, err)
		}
	}
}

func TestCallsAreCounted(t *testing.T) {
	create, update := kind{calls: 1}, kind{calls: 1, ssp: true}
	for _, tc := range []struct {
		name    string
		k       kind
		counted []int
		want    string // of the error; empty: none
	}{
		{"as many as are to be", create, []int{7, 107}, ""},
		{"one too many", create, []int{7, 108}, "8 times; want 7"},
		{"one by the other counter", create, []int{8, 107}, "8 times; want 7"},
		{"an update that is repeated", update, []int{9, 109}, ""},
		{"an update that is not to call", kind{ssp: true}, []int{1, 100}, "1 times; want 0"},
	} {
		c := &installation{calls: func(k kind) int { return k.calls }}
		for _, n := range tc.counted {
			c.counted = append(c.counted, func(context.Context) (int, error) { return n, nil })
		}
		calls, err := c.called(t.Context(), []int{0, 100}, tc.k, 7)
		if tc.want == "" && (err != nil || calls != tc.counted[0]) || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %d calls, error %v; want %q", tc.name, calls, err, tc.want)
		}
	}
}
