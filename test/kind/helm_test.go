//go:build kind

package kind

import (
	"os/exec"
	"testing"
)

// testHelm installs the chart as a person would, and removes it.
func testHelm(t *testing.T, s *suite) {
	if options.helm == "" {
		t.Fatal("no helm command is given")
	}
	s.helm(t, "install", "dicer", "../../deploy/chart/dicer", "--namespace", namespace, "--create-namespace",
		"--set", "image.tag="+options.version, "--wait", "--timeout", "3m")
	s.available(t)
	s.runs(t, options.version)
	testSeedCase(t, s)
	s.helm(t, "uninstall", "dicer", "--namespace", namespace, "--wait", "--timeout", "3m")
	s.kubectl(t, "delete", "namespace", namespace)
	s.nothingIsLeft(t)
}

func (s *suite) helm(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), options.helm, append(args, "--kubeconfig", options.kubeconfig)...).CombinedOutput()
	if err != nil {
		t.Fatalf("helm %v: %v\n%s", args, err, out)
	}
}
