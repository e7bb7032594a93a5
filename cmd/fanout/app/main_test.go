package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dicer-dev/dicer/internal/command"
)

// asCommand makes the test binary the command.
const asCommand = "RUN_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		command.Main(NewCommand())
	}
	os.Exit(m.Run())
}

func TestItEndsWithExitCode2AndSaysWhy(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("no kubeconfig\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Nothing listens there: it says what is missing before it asks.
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(nowhere), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"an invalid value":               {args: []string{"--templates=none"}, want: `fanout: invalid value "none" for --templates: want annotated or all`},
		"a kubeconfig that is not there": {args: []string{"--kubeconfig=" + missing}, want: "fanout: no way to the API server: stat " + missing + ": no such file or directory"},
		"a kubeconfig that is none":      {args: []string{"--kubeconfig=" + broken}, want: "fanout: no way to the API server: error loading config file \"" + broken + "\""},
		"outside of a pod, no namespace for the Lease": {
			args: []string{"--kubeconfig=" + kubeconfig},
			want: "fanout: not in a pod, so set --leader-elect-resource-namespace or --leader-elect=false",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(podNamespacePath); err == nil && strings.Contains(tc.want, "not in a pod") {
				t.Skip("this is a pod")
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], append(tc.args, "--metrics-bind-address=0", "--health-probe-bind-address=127.0.0.1:0")...)
			cmd.Env = []string{asCommand + "=1", "HOME=" + t.TempDir()}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			var exit *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Errorf("it ended with %v; want exit code 2", err)
			}
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, tc.want) {
				t.Errorf("its last words %q; want %q", last, tc.want)
			}
		})
	}
}

const nowhere = `
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: nowhere, context: {cluster: nowhere}}]
current-context: nowhere
`
