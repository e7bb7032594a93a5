package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatExpandPrintsAppliesCleanly applies it, and status then misses nothing but
// what CDI would do.
func TestWhatExpandPrintsAppliesCleanly(t *testing.T) {
	create(t, ssp)
	for _, format := range []string{"yaml", "json"} {
		expanded, stderr, code := kubectl(t, ssp, "dicer", "expand", "-f", "-", "-o", format)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d, %s", code, stderr)
		}
		stdout, stderr, code := kubectl(t, expanded, "apply", "--validate=strict", "-f", "-")
		want := "dataimportcron.cdi.kubevirt.io/fedora created\ndataimportcron.cdi.kubevirt.io/rhel10-amd64 created\ndataimportcron.cdi.kubevirt.io/rhel10-arm64 created\n"
		if code != 0 || stderr != "" {
			t.Fatalf("%s: exit code %d, %s", format, code, stderr)
		}
		if diff := cmp.Diff(want, stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
		status, stderr, code := kubectl(t, "", "dicer", "status")
		if code != 1 || stderr != "" || strings.Contains(status, "MISSING") || strings.Contains(status, "differs") || strings.Count(status, "PROBLEM, other, never imported") != 3 {
			t.Errorf("%s: exit code %d, %s%s", format, code, stderr, status)
		}
		if _, stderr, code := kubectl(t, expanded, "delete", "-f", "-"); code != 0 {
			t.Fatal(stderr)
		}
	}
}

// TestItRunsAlone is what kubectl does for the user.
func TestItRunsAlone(t *testing.T) {
	stdout, stderr, code := kubectl(t, "", "dicer", "version")
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "kubectl-dicer devel") {
		t.Errorf("exit code %d, %s%s", code, stderr, stdout)
	}
	stdout, stderr, code = kubectl(t, "", "plugin", "list", "--name-only")
	if code != 0 || strings.TrimSpace(stdout) != "kubectl-dicer" && !strings.Contains(stdout, "\nkubectl-dicer\n") {
		t.Errorf("exit code %d, %s%s", code, stderr, stdout)
	}
}
