package main

import (
	"strings"
	"testing"
)

func TestAWrongValueIsRefusedByItsName(t *testing.T) {
	tests := []struct {
		values string
		want   []string
	}{
		{"nope: 1", []string{"additional properties 'nope' not allowed"}},
		{"fanout: {modus: all}", []string{"/fanout", "additional properties 'modus' not allowed"}},
		{"architectures: [amd64, ' arm64']", []string{"/architectures/1", "' arm64' does not match pattern"}},
		{"architectures: [AMD64]", []string{"/architectures/0", "'AMD64' does not match pattern"}},
		{"architectures: ['']", []string{"/architectures/0", "'' does not match pattern"}},
		{"architectures: []", []string{"/architectures", "got 0, want 1"}},
		{"architectures: [amd64, arm64, amd64]", []string{"/architectures", "items at 0 and 2 are equal"}},
		{"architectures: 'amd64,arm64'", []string{"/architectures", "got string, want array"}},
		{"validationAction: deny", []string{"/validationAction", "'Deny', 'Warn', 'Audit'"}},
		{"certificates: {source: vault}", []string{"/certificates/source", "'cert-manager', 'openshift'"}},
		{"fanout: {mode: none}", []string{"/fanout/mode", "'annotated', 'all', 'off'"}},
		{"fanout: {mode: true}", []string{"/fanout/mode", "'annotated', 'all', 'off'"}},
		{"fanout: {targetNamespaces: [a, A]}", []string{"/fanout/targetNamespaces/1", "'A' does not match pattern"}},
		{"fanout: {targetNamespaces: [a, a]}", []string{"/fanout/targetNamespaces", "items at 0 and 1 are equal"}},
		{"fanout: {targetNamespaces: [dicer-system]}", []string{"fanout.targetNamespaces", `"dicer-system" is the release's namespace`}},
		{"goldenImagesNamespace: dicer-system", []string{"goldenImagesNamespace", `"dicer-system" is the release's namespace`}},
		{"goldenImagesNamespace: ''", []string{"/goldenImagesNamespace", "'' does not match pattern"}},
		{"fanout: {extraArgs: [recreate-delay=1s]}", []string{"/fanout/extraArgs/0", "'recreate-delay=1s' does not match pattern", "recreate-delay|"}},
		{"fanout: {extraArgs: [--recreate-delay]}", []string{"/fanout/extraArgs/0", "'--recreate-delay' does not match pattern"}},
		{"fanout: {extraArgs: [--templates=all]}", []string{"/fanout/extraArgs/0", "'--templates=all' does not match pattern"}},
		{"fanout: {egress: []}", []string{"/fanout/egress", "got 0, want 1"}},
		{"webhook: {replicas: 0}", []string{"/webhook/replicas", "got 0, want 1"}},
		{"webhook: {replicas: 34}", []string{"/webhook/replicas", "got 34, want 33"}},
		{"webhook: {replicas: two}", []string{"/webhook/replicas", "got string, want integer"}},
		{"webhook: {replicas: null}", []string{"/webhook", "missing property 'replicas'"}},
		{"webhook: {resources: {limit: {cpu: 1}}}", []string{"/webhook/resources", "additional properties 'limit' not allowed"}},
		{"webhook: {nodeSelector: {disk: 1}}", []string{"/webhook/nodeSelector/disk", "got number, want string"}},
		{"fanout: {podAnnotations: {scrape: true}}", []string{"/fanout/podAnnotations/scrape", "got boolean, want string"}},
		{"fanout: {tolerations: [{taint: infra}]}", []string{"/fanout/tolerations/0", "additional properties 'taint' not allowed"}},
		{"webhook: {tolerations: [{effect: NoRun}]}", []string{"/webhook/tolerations/0/effect", "'NoSchedule', 'PreferNoSchedule', 'NoExecute'"}},
		{"webhook: {priorityClassName: High}", []string{"/webhook/priorityClassName", "'High' does not match pattern"}},
		{"webhook: {clientAuth: {enabled: 'yes'}}", []string{"/webhook/clientAuth/enabled", "got string, want boolean"}},
		{"webhook: {clientAuth: {configMap: ''}}", []string{"/webhook/clientAuth/configMap", "'' does not match pattern"}},
		{"webhook: {clientAuth: {allowedNames: []}}", []string{"/webhook/clientAuth/allowedNames", "got 0, want 1"}},
		{"webhook: {clientAuth: {allowedNames: ['a,b']}}", []string{"/webhook/clientAuth/allowedNames/0", "'a,b' does not match pattern"}},
		{"fanout: {priorityClassName: high}", []string{"/fanout", "additional properties 'priorityClassName' not allowed"}},
		{"monitoring: {enabled: 'yes'}", []string{"/monitoring/enabled", "got string, want boolean"}},
		{"monitoring: {labels: {release: 1}}", []string{"/monitoring/labels/release", "got number, want string"}},
		{"policies: {enabled: 1}", []string{"/policies/enabled", "got number, want boolean"}},
		{"monitoring: {interval: 30s}", []string{"/monitoring", "additional properties 'interval' not allowed"}},
		{"image: {tag: 1}", []string{"/image/tag", "got number, want string"}},
		{"image: {repository: ''}", []string{"/image/repository", "'' does not match pattern"}},
		{"image: {pullPolicy: always}", []string{"/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"}},
		{"imagePullSecrets: [secret]", []string{"/imagePullSecrets/0", "got string, want object"}},
		{"extraSettings: {PORT: '1'}", []string{"/extraSettings", "additional properties 'PORT' not allowed"}},
		{"extraSettings: {DICER_ZAP_DEVEL: 1}", []string{"/extraSettings/DICER_ZAP_DEVEL", "got number, want string"}},
		{"extraSettings: {DICER_ARCHITECTURES: amd64}", []string{"/extraSettings", "additional properties 'DICER_ARCHITECTURES' not allowed"}},
		{"extraSettings: {DICER_SSP_OPERATOR_USER: me}", []string{"/extraSettings", "additional properties 'DICER_SSP_OPERATOR_USER' not allowed"}},
		{"createNamespace: 'true'", []string{"/createNamespace", "got string, want boolean"}},
	}
	for _, test := range tests {
		t.Run(test.values, func(t *testing.T) {
			_, err := helmed(deploy, namespace, test.values)
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v; want %q in it", err, want)
				}
			}
		})
	}
}

func TestANamespaceThatOthersAreInIsRefused(t *testing.T) {
	for _, shared := range []string{"default", "kube-system", "kube-public", "kube-node-lease"} {
		want := "release namespace \"" + shared + "\": want one that is dicer's alone, as by --namespace dicer-system --create-namespace"
		if _, err := helmed(deploy, shared, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q in it", err, want)
		}
	}
}
