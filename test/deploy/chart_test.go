package deploy

import (
	"os/exec"
	"strings"
	"testing"
)

// onlyTheChart are values that no overlay has. That the chart is the overlays
// otherwise, hack/chart shows.
const onlyTheChart = `
createNamespace: true
imagePullSecrets: [{name: pull}]
validationAction: Audit
extraSettings: {DICER_ZAP_LOG_LEVEL: debug}
webhook:
  nodeSelector: {pool: infra}
  tolerations: [{key: infra, operator: Exists}]
  priorityClassName: ""
  podAnnotations: {team: virt}
  clientAuth: {enabled: true, configMap: callers, allowedNames: [api-1, api-2]}
fanout:
  tolerations: [{key: infra, value: "true", effect: NoExecute, tolerationSeconds: 60}]
  targetNamespaces: [openshift-virtualization-os-images]
  extraArgs: [--recreate-delay=30s]
  egress: [{ports: [{port: 16443, protocol: TCP}]}]
`

func TestADryRunOfTheChartIsAccepted(t *testing.T) {
	helm := exec.CommandContext(t.Context(), "go", "-C", "../../hack/chart", "tool", "helm",
		"template", "dicer", "../../deploy/chart/dicer", "--namespace", namespace, "--values", "-")
	helm.Stdin = strings.NewReader(onlyTheChart)
	rendered, err := helm.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	dryRun(t, newOverlay(t, "chart", string(rendered)))
}
