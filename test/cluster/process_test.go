package cluster

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAProcessThatExitsBeforeItIsReadyIsReportedWithItsLog(t *testing.T) {
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(exec.Command("sh", "-c", "echo no such flag; exit 3"), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	err = p.untilReady(t.Context(), http.DefaultClient, loopbackURL("http", ports[0]))
	if err == nil {
		t.Fatal("it counts as ready")
	}
	for _, want := range []string{"exit status 3", "no such flag"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q: %v", want, err)
		}
	}
}
