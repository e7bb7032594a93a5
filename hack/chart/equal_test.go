package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/action"
	"k8s.io/apimachinery/pkg/runtime"
	sigsyaml "sigs.k8s.io/yaml"
)

// ownOverlay is what values are that no overlay of deploy/ has.
const ownOverlay = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../base
components:
- ../../components/cert-manager
- ../../components/fanout
- ../../components/ssp-crd
- ../../components/settings
configMapGenerator:
- name: dicer-webhook
  namespace: dicer-system
  behavior: merge
  literals:
  - DICER_ARCHITECTURES=amd64,ppc64le
  - DICER_GOLDEN_IMAGES_NAMESPACE=golden
  - DICER_VALIDATION_ACTION=Warn
  - DICER_SSP_OPERATOR_USERS=<a>&"b"
images:
- name: dicer
  newName: registry.invalid/dicer
  newTag: v9
replicas:
- name: dicer-webhook
  count: 3
- name: dicer-fanout
  count: 1
`

// allTemplates is fanout.mode all and nothing else.
const allTemplates = `
resources: [../../base]
components: [../../components/cert-manager, ../../components/fanout, ../../components/templates-all, ../../components/settings]
`

// clientAuth is webhook.clientAuth.enabled and nothing else.
const clientAuth = `
resources: [../../base]
components: [../../components/cert-manager, ../../components/fanout, ../../components/client-auth, ../../components/settings]
`

// monitored is monitoring.enabled and nothing else.
const monitored = `
resources: [../../base]
components: [../../components/cert-manager, ../../components/fanout, ../../components/monitoring, ../../components/settings]
`

// policed is policies.enabled, with other settings.
const policed = `
resources: [../../base]
components: [../../components/cert-manager, ../../components/fanout, ../../components/policies, ../../components/settings]
configMapGenerator:
- name: dicer-webhook
  namespace: dicer-system
  behavior: merge
  literals: [DICER_ARCHITECTURES=arm64, DICER_GOLDEN_IMAGES_NAMESPACE=golden]
`

// monitoredAlone is that without fan-out, on OpenShift.
const monitoredAlone = `
resources: [../../base]
components: [../../components/openshift, ../../components/monitoring, ../../components/settings]
`

const ownValues = `
createNamespace: true
architectures: [amd64, ppc64le]
goldenImagesNamespace: golden
validationAction: Warn
extraSettings: {DICER_SSP_OPERATOR_USERS: '<a>&"b"'}
image: {repository: registry.invalid/dicer, tag: v9}
webhook: {replicas: 3}
fanout: {mode: all, replicas: 1}
`

const allValues = ownValues + "policies: {enabled: true}\nmonitoring: {enabled: true, labels: {release: prometheus}}"

func TestTheChartIsTheOverlays(t *testing.T) {
	tests := []struct {
		name, overlay, values string
		// without are the overlay's that the chart does not have.
		without []string
	}{
		{"the default one", "default", "createNamespace: true", nil},
		{"the default one without its namespace", "default", "", []string{"Namespace /dicer-system"}},
		{"OpenShift's", "openshift", `{createNamespace: true, certificates: {source: openshift}, goldenImagesNamespace: openshift-virtualization-os-images}`, nil},
		{"the webhook alone", "webhook-only", `{createNamespace: true, fanout: {mode: "off"}}`, nil},
		{"OpenShift's webhook alone", "openshift-webhook-only", `{createNamespace: true, certificates: {source: openshift}, fanout: {mode: "off"}, goldenImagesNamespace: openshift-virtualization-os-images}`, nil},
		{"off without quotes", "webhook-only", "{createNamespace: true, fanout: {mode: off}}", nil},
		{"one for templates without a list", "all", "{createNamespace: true, fanout: {mode: all}}", nil},
		{"one for the API server alone", "client-auth", "{createNamespace: true, webhook: {clientAuth: {enabled: true}}}", nil},
		{"one that is monitored", "monitoring", "{createNamespace: true, monitoring: {enabled: true}}", nil},
		{"one with policies", "policies", "{createNamespace: true, policies: {enabled: true}, architectures: [arm64], goldenImagesNamespace: golden}", nil},
		{"OpenShift's webhook, monitored", "monitoring-alone", `{createNamespace: true, certificates: {source: openshift}, fanout: {mode: "off"}, monitoring: {enabled: true}}`, nil},
		{"a user's own, without what components/ssp-crd brings beside templates-all", "own", ownValues,
			[]string{"Namespace /golden", "CustomResourceDefinition /ssps.ssp.kubevirt.io"}},
	}
	copied := copyOf(t)
	writeFile(t, filepath.Join(copied, "overlays/own/kustomization.yaml"), ownOverlay)
	writeFile(t, filepath.Join(copied, "overlays/all/kustomization.yaml"), allTemplates)
	writeFile(t, filepath.Join(copied, "overlays/client-auth/kustomization.yaml"), clientAuth)
	writeFile(t, filepath.Join(copied, "overlays/monitoring/kustomization.yaml"), monitored)
	writeFile(t, filepath.Join(copied, "overlays/policies/kustomization.yaml"), policed)
	writeFile(t, filepath.Join(copied, "overlays/monitoring-alone/kustomization.yaml"), monitoredAlone)
	overlays, err := os.ReadDir(filepath.Join(copied, "overlays"))
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, overlay := range overlays {
		left[overlay.Name()] = true
	}
	for _, test := range tests {
		delete(left, test.overlay)
		t.Run(test.name, func(t *testing.T) {
			want := kustomized(t, filepath.Join(copied, "overlays", test.overlay))
			for _, key := range test.without {
				if want[key] == nil {
					t.Errorf("the overlay has no %s", key)
				}
				delete(want, key)
			}
			if diff := cmp.Diff(want, chartOf(t, deploy, namespace, test.values)); diff != "" {
				t.Errorf("-overlay +chart:\n%s", diff)
			}
		})
	}
	for overlay := range left {
		t.Errorf("overlays/%s: no values here stand for it", overlay)
	}
}

// TestAChangeOfAManifestReachesTheChart shows besides that the comparison sees
// one that does not.
func TestAChangeOfAManifestReachesTheChart(t *testing.T) {
	tests := []struct{ name, file, old, new string }{
		{"replicas", "base/deployment.yaml", "replicas: 2", "replicas: 4"},
		{"resources", "components/fanout/deployment.yaml", "memory: 64Mi", "memory: 65Mi"},
		{"the tag", "components/settings/kustomization.yaml", "newTag: v0.1.0", "newTag: v0.2.0"},
		{"the architectures", "webhook/configmap.yaml", "amd64,arm64,s390x", "amd64,arm64"},
		{"the golden images' namespace", "base/kustomization.yaml", "=kubevirt-os-images", "=elsewhere"},
		{"one more setting", "base/kustomization.yaml", "  literals:\n", "  literals:\n  - DICER_TLS_MIN_VERSION=VersionTLS12\n"},
		{"the API server's ports", "components/fanout/networkpolicy.yaml", "port: 6443", "port: 8443"},
		{"a field without a value", "base/service.yaml", "appProtocol: https", "appProtocol: http"},
		{"a condition", "webhook/mutating.yaml", "size() <= 63", "size() <= 62"},
		{"an annotation of OpenShift's", "components/openshift/kustomization.yaml", `inject-cabundle: "true"`, `inject-cabundle: "yes"`},
		{"a verb of --templates=all", "components/templates-all/kustomization.yaml", `"patch", "delete"]`, `"patch"]`},
		{"the flag of --templates=all", "components/templates-all/kustomization.yaml", "value: --templates=all", "value: --templates=every"},
		{"the name that may call", "components/client-auth/kustomization.yaml", "value: kube-apiserver", "value: api"},
		{"where the clients' CA is", "components/client-auth/kustomization.yaml", "/client-ca", "/ca"},
		{"the ConfigMap of the clients' CA", "components/client-auth/kustomization.yaml", "name: dicer-webhook-client-ca", "name: callers"},
		{"an alert's text", "components/monitoring/prometheusrule.yaml", "ends in\n", "will end in\n"},
		{"a legend", "components/monitoring/dicer.json", "{{reason}}", "{{reason}}!"},
		{"the name of what is scraped", "components/monitoring/servicemonitor.yaml", "dicer-$1", "my-$1"},
		{"a policy's rule", "components/policies/ssps.yaml", "size() > 63", "size() > 62"},
		{"where pods run", "components/fanout/deployment.yaml", "kubernetes.io/os: linux", "kubernetes.io/os: plan9"},
		{"the quota", "base/quota.yaml", `"100"`, `"90"`},
		{"an object less", "base/kustomization.yaml", "- poddisruptionbudget.yaml\n", ""},
		{"the namespace", "base/namespace.yaml", "warn: restricted", "warn: baseline"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			copied := copyOf(t)
			edit(t, filepath.Join(copied, test.file), test.old, test.new)
			writeFile(t, filepath.Join(copied, "overlays/all/kustomization.yaml"), allTemplates)
			writeFile(t, filepath.Join(copied, "overlays/client-auth/kustomization.yaml"), clientAuth)
			writeFile(t, filepath.Join(copied, "overlays/monitoring/kustomization.yaml"), monitored)
			writeFile(t, filepath.Join(copied, "overlays/policies/kustomization.yaml"), policed)
			differences := func() (found string) {
				for overlay, values := range map[string]string{
					"default":     "createNamespace: true",
					"all":         "{createNamespace: true, fanout: {mode: all}}",
					"client-auth": "{createNamespace: true, webhook: {clientAuth: {enabled: true}}}",
					"monitoring":  "{createNamespace: true, monitoring: {enabled: true}}",
					"policies":    "{createNamespace: true, policies: {enabled: true}, architectures: [arm64], goldenImagesNamespace: golden}",
					"openshift":   "{createNamespace: true, certificates: {source: openshift}, goldenImagesNamespace: openshift-virtualization-os-images}",
				} {
					found += cmp.Diff(kustomized(t, filepath.Join(copied, "overlays", overlay)), chartOf(t, copied, namespace, values))
				}
				return found
			}
			if differences() == "" {
				t.Error("the chart from before the change is no other")
			}
			if err := run([]string{copied}, t.Output()); err != nil {
				t.Fatal(err)
			}
			if diff := differences(); diff != "" {
				t.Errorf("-overlay +chart:\n%s", diff)
			}
		})
	}
}

func TestAnotherNamespaceIsThatOfEverything(t *testing.T) {
	// What YAML takes for a number where it is not quoted.
	const another = "1e3"
	want := objects{}
	for _, object := range kustomized(t, filepath.Join(deploy, "overlays/default")) {
		content, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, strings.ReplaceAll(string(content), namespace, another), want)
	}
	if diff := cmp.Diff(want, chartOf(t, deploy, another, "createNamespace: true")); diff != "" {
		t.Errorf("-overlay +chart:\n%s", diff)
	}
	texts, err := helmed(deploy, another, "{fanout: {mode: all}, monitoring: {enabled: true}}")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		if strings.Contains(text, namespace) {
			t.Errorf("%s names %s:\n%s", name, namespace, text)
		}
	}
}

// TestWhatNoOverlayHas is of the values that add something.
func TestWhatNoOverlayHas(t *testing.T) {
	got := chartOf(t, deploy, namespace, `
imagePullSecrets: [{name: pull}]
webhook: {clientAuth: {configMap: unused}}
monitoring: {labels: {un: used}}
fanout:
  targetNamespaces: [more, kubevirt-os-images]
  extraArgs: ["--recreate-delay=30s"]
  egress: [{ports: [{port: 16443, protocol: TCP}]}]
`)
	want := chartOf(t, deploy, namespace, "")
	for _, name := range []string{"dicer-webhook", "dicer-fanout"} {
		pod := podOf(want, name)["spec"].(map[string]any)
		pod["imagePullSecrets"] = []any{map[string]any{"name": "pull"}}
		if name == "dicer-fanout" {
			container := pod["containers"].([]any)[0].(map[string]any)
			container["args"] = append(container["args"].([]any), "--target-namespaces=more,kubevirt-os-images", "--recreate-delay=30s")
		}
	}
	for _, kind := range []string{"Role", "RoleBinding"} {
		more := runtime.DeepCopyJSON(want[kind+" kubevirt-os-images/dicer-fanout"])
		more["metadata"].(map[string]any)["namespace"] = "more"
		want[kind+" more/dicer-fanout"] = more
	}
	want["NetworkPolicy dicer-system/dicer-fanout"]["spec"].(map[string]any)["egress"] = []any{
		map[string]any{"ports": []any{map[string]any{"port": int64(16443), "protocol": "TCP"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +chart:\n%s", diff)
	}
}

func TestThePoliciesDoWithFindingsWhatTheWebhookDoes(t *testing.T) {
	got := chartOf(t, deploy, namespace, "{policies: {enabled: true}, validationAction: Warn}")
	for _, name := range []string{"dicer-dataimportcrons", "dicer-ssps"} {
		spec := got["ValidatingAdmissionPolicyBinding /"+name]["spec"].(map[string]any)
		if diff := cmp.Diff([]any{"Warn"}, spec["validationActions"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheMonitoringIsSelectedByLabels(t *testing.T) {
	want := chartOf(t, deploy, namespace, "{monitoring: {enabled: true}}")
	for _, key := range []string{"ServiceMonitor dicer-system/dicer", "PrometheusRule dicer-system/dicer", "ConfigMap dicer-system/dicer-dashboard"} {
		labels := want[key]["metadata"].(map[string]any)["labels"].(map[string]any)
		labels["release"], labels["monitor/this"] = "prometheus", "1e3"
	}
	got := chartOf(t, deploy, namespace, `{monitoring: {enabled: true, labels: {release: prometheus, monitor/this: "1e3"}}}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +chart:\n%s", diff)
	}
}

func TestHelmLintHasNoWarning(t *testing.T) {
	for _, values := range []string{"{}", allValues} {
		given := map[string]any{}
		if err := sigsyaml.Unmarshal([]byte(values), &given); err != nil {
			t.Fatal(err)
		}
		lint := action.NewLint()
		lint.Strict, lint.Namespace = true, namespace
		result := lint.Run([]string{filepath.Join(deploy, chart)}, given)
		if action.HasWarningsOrErrors(result) || result.TotalChartsLinted != 1 {
			t.Errorf("helm lint --strict with %s: %v", values, result.Messages)
		}
	}
}

// copyOf returns a copy of deploy/, to be changed.
func copyOf(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "deploy")
	if err := os.CopyFS(folder, os.DirFS(deploy)); err != nil {
		t.Fatal(err)
	}
	return folder
}

func edit(t *testing.T, file, old, replacement string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	writeFile(t, file, strings.ReplaceAll(string(content), old, replacement))
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
