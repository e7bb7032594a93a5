package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// TestThePageTellsWhatIsExported runs both commands, and fails where a metric was
// added, changed or removed and make generate was not run.
func TestThePageTellsWhatIsExported(t *testing.T) {
	files, err := generate(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-exported +written); run make generate:\n%s", path, diff)
		}
	}
	var all catalogue
	if err := json.Unmarshal(files[catalogueFile], &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if !strings.HasPrefix(m.Name, own) {
			continue
		}
		for label, values := range m.Labels {
			if len(values) == 0 {
				t.Errorf("%s: label %s has no values", m.Name, label)
			}
		}
		if m.Help == "" || len(m.Commands) == 0 {
			t.Errorf("%s: help %q, exported by %v", m.Name, m.Help, m.Commands)
		}
	}
}

// TestTheReasonsAreThoseOfTheCode looks at some that are in one of the two alone,
// in both, and in none.
func TestTheReasonsAreThoseOfTheCode(t *testing.T) {
	failures, warnings, err := reasons(root)
	if err != nil {
		t.Fatal(err)
	}
	for reason, want := range map[string][2]bool{
		"Foreign":            {true, false},
		"WriteForbidden":     {true, false},
		"Kept":               {true, false},
		"InvalidTemplate":    {true, true},
		"InvalidList":        {false, true},
		"NoArchitectureLeft": {false, true},
		"SSPUnreadable":      {false, true},
		"Created":            {false, false},
	} {
		if got := [2]bool{slices.Contains(failures, reason), slices.Contains(warnings, reason)}; got != want {
			t.Errorf("%s is a failure's and a warning's: %v; want %v", reason, got, want)
		}
	}
}

func TestWhatIsNotThereIsTold(t *testing.T) {
	if _, err := constants(root, "pkg/arch", "Nothing"); err == nil || err.Error() != "pkg/arch: no constants of type Nothing" {
		t.Errorf("error %v", err)
	}
	exported := map[string]families{webhook: {}, fanout: {}}
	if _, err := newCatalogue(root, exported); err == nil || err.Error() != "process_cpu_seconds_total is not exported" {
		t.Errorf("error %v", err)
	}
}
