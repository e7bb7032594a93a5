package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEachMissingPackageIsNamedOnce(t *testing.T) {
	no := func(context.Context) bool { return false }
	yes := func(context.Context) bool { return true }
	got := missing(t.Context(), []need{{"one", no}, {"two", yes}, {"one", no}, {"three", no}, {"two", yes}})
	if want := []string{"one", "three"}; !slices.Equal(got, want) {
		t.Errorf("missing %q; want %q", got, want)
	}
}

func TestWhatIsMissingIsSaidWhereItCannotBeInstalled(t *testing.T) {
	// No apt-get is found there.
	t.Setenv("PATH", t.TempDir())
	_, err := provide(t.Context(), newSteps(io.Discard), []need{{"debootstrap", program("debootstrap")}})
	var usage usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "sudo apt-get install debootstrap") {
		t.Errorf("error %v", err)
	}
}

func TestTheBoundingSetIsReadFromTheStatus(t *testing.T) {
	for _, test := range []struct {
		name, set string
		lacks     bool
		fails     bool
	}{
		{"everything", "CapBnd:\t000001ffffffffff\n", false, false},
		{"all but CAP_SYS_RESOURCE", "CapBnd:\t000001fffeffffff\n", true, false},
		{"no line", "CapEff:\t000001fffeffffff\n", false, true},
		{"no number", "CapBnd:\tall\n", false, true},
	} {
		path := filepath.Join(t.TempDir(), "status")
		if err := os.WriteFile(path, []byte("Name:\tx\n"+test.set), 0o600); err != nil {
			t.Fatal(err)
		}
		lacks, err := lacksCapability(path, sysResource)
		if (err != nil) != test.fails || err == nil && lacks != test.lacks {
			t.Errorf("%s: lacks it: %t, error %v", test.name, lacks, err)
		}
	}
}
