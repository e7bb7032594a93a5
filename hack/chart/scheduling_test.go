package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhereThePodsRun is of values that add to, or replace, what the overlays say
// of it.
func TestWhereThePodsRun(t *testing.T) {
	got := chartOf(t, deploy, namespace, `
webhook:
  nodeSelector: {pool: infra}
  tolerations: [{key: infra, operator: Exists}]
  priorityClassName: system-node-critical
  podAnnotations: {team: virt, "1": "true"}
fanout:
  nodeSelector: {kubernetes.io/os: null, pool: "1"}
  tolerations: [{key: infra, value: "true", effect: NoExecute, tolerationSeconds: 60}]
  podAnnotations: {kubectl.kubernetes.io/default-container: proxy}
`)
	want := chartOf(t, deploy, namespace, "")
	webhook, fanout := podOf(want, "dicer-webhook"), podOf(want, "dicer-fanout")
	spec := webhook["spec"].(map[string]any)
	spec["nodeSelector"] = map[string]any{"kubernetes.io/os": "linux", "pool": "infra"}
	spec["tolerations"] = []any{map[string]any{"key": "infra", "operator": "Exists"}}
	spec["priorityClassName"] = "system-node-critical"
	annotations := webhook["metadata"].(map[string]any)["annotations"].(map[string]any)
	annotations["team"], annotations["1"] = "virt", "true"
	spec = fanout["spec"].(map[string]any)
	spec["nodeSelector"] = map[string]any{"pool": "1"}
	spec["tolerations"] = []any{map[string]any{"key": "infra", "value": "true", "effect": "NoExecute", "tolerationSeconds": int64(60)}}
	fanout["metadata"].(map[string]any)["annotations"] = map[string]any{"kubectl.kubernetes.io/default-container": "proxy"}
	quotaOf(want)["values"] = []any{"system-node-critical"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +chart:\n%s", diff)
	}
}

// TestNoPriorityClass leaves the quota for the one that an API server limits.
func TestNoPriorityClass(t *testing.T) {
	got, want := chartOf(t, deploy, namespace, `webhook: {priorityClassName: ""}`), chartOf(t, deploy, namespace, "")
	podOf(want, "dicer-webhook")["spec"].(map[string]any)["priorityClassName"] = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +chart:\n%s", diff)
	}
}

func podOf(found objects, deployment string) map[string]any {
	return found["Deployment "+namespace+"/"+deployment]["spec"].(map[string]any)["template"].(map[string]any)
}

func quotaOf(found objects) map[string]any {
	spec := found["ResourceQuota "+namespace+"/dicer-critical-pods"]["spec"].(map[string]any)
	return spec["scopeSelector"].(map[string]any)["matchExpressions"].([]any)[0].(map[string]any)
}
