package main

import (
	"context"
	"errors"
	"io"
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
