//go:build kind

package kind

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const chart = "../../deploy/chart/dicer"

// testHelm installs the chart as README.md says, changes a setting and removes it.
func testHelm(t *testing.T, s *suite) {
	s.kubectl(t, "create", "namespace", namespace)
	s.kubectl(t, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
	s.helm(t, "install", "dicer", chart, "--set-string", "image.repository=dicer,image.tag="+options.version, "--wait")
	s.available(t)
	s.runs(t, options.version)
	testSeedCase(t, s)

	o := s.whileCreating(t, func() {
		s.helm(t, "upgrade", "dicer", chart, "--reset-then-reuse-values", "--set", "validationAction=Warn", "--wait")
		s.rolledOut(t, "dicer-webhook")
		s.settled(t)
	})
	s.check(t, o)
	s.eventually(t, time.Minute, func() error {
		_, stderr, err := s.Kubectl(t.Context(), mistypedSSP, "create", "--dry-run=server", "--filename", "-")
		if err != nil || !strings.Contains(stderr, `did you mean "arm64"?`) {
			return fmt.Errorf("an SSP with a typo, where it is only warned about: %v, %s", err, stderr)
		}
		return nil
	})

	s.helm(t, "uninstall", "dicer", "--wait")
	// cert-manager keeps the Secrets, fan-out's Lease nobody owns, nor the namespace.
	want := maps.Clone(s.before)
	for _, left := range []string{
		"ConfigMap dicer-system/kube-root-ca.crt", "Lease dicer-system/dicer-fanout", "Namespace /dicer-system",
		"Secret dicer-system/dicer-ca", "Secret dicer-system/dicer-webhook-tls", "ServiceAccount dicer-system/default",
	} {
		want[left] = true
	}
	s.eventually(t, 3*time.Minute, func() error {
		now, err := s.everything(t)
		if diff := cmp.Diff(want, now); err == nil && diff != "" {
			return fmt.Errorf("objects after helm uninstall (-want +got):\n%s", diff)
		}
		return err
	})
	figures := s.figures
	s.kubectl(t, "delete", "namespace", namespace)
	s.asBefore(t)
	s.figures = "an upgrade: " + figures
}

const mistypedSSP = `
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: mistyped, namespace: streamed}
spec:
  commonTemplates:
    namespace: streamed
    dataImportCronTemplates:
    - metadata: {name: one, annotations: {ssp.kubevirt.io/dict.architectures: "amd64,arn64"}}
      spec: {managedDataSource: one, schedule: 4 8/12 * * *, template: {spec: {source: {registry: {url: "docker://registry.invalid/one"}}}}}
`

func (s *suite) helm(t *testing.T, args ...string) {
	t.Helper()
	args = append(args, "--namespace", namespace, "--timeout", "3m", "--kubeconfig", options.kubeconfig)
	out, err := exec.CommandContext(t.Context(), options.helm, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("helm %v: %v\n%s", args, err, out)
	}
}
