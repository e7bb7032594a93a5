package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestAPlaceThatIsGoneOrNewIsTold(t *testing.T) {
	const (
		webhook = "base/deployment.yaml"
		fanout  = "components/fanout/deployment.yaml"
	)
	tests := []struct {
		name, file, old, new string
		want                 string
	}{
		{"replicas", webhook, "  replicas: 2\n", "", "overlays/default: Deployment dicer-webhook: spec.replicas: it is not there"},
		{"a container's name", fanout, "- name: fanout\n", "- name: controller\n", "Deployment dicer-fanout: spec.template.spec.containers.[name=fanout].args: it is not there"},
		{"resources", fanout, "        resources:\n", "        resource:\n", "Deployment dicer-fanout: spec.template.spec.containers.[name=fanout].resources: it is not there"},
		{"a Deployment's name", webhook, "  name: dicer-webhook\n", "  name: dicer-server\n", ": no Deployment dicer-webhook"},
		{"the API server's ports", "components/fanout/networkpolicy.yaml", "  egress:\n", "  outgoing:\n", "NetworkPolicy dicer-fanout: spec.egress: it is not there"},
		{"the image's tag", "components/settings/kustomization.yaml", "newTag: v0.1.0", `newTag: ""`, `Deployment dicer-webhook: image: "dicer" has no tag`},
		{"the architectures in a condition", "webhook/mutating.yaml", "- name: incomplete-on-create", "- name: incomplete", "incomplete-on-create"},
		{"the architectures at one more place", fanout, "- --leader-elect", "- --architectures=amd64,arm64,s390x", `Deployment dicer-fanout: spec.template.spec.containers[0].args[0]: "--architectures=amd64,arm64,s390x": it is a value of the chart`},
		{"the golden images' namespace at one more place", fanout, "- --leader-elect", "- --target-namespaces=kubevirt-os-images", `args[0]: "--target-namespaces=kubevirt-os-images": it is a value of the chart`},
		{"the image at one more place", fanout, "- --leader-elect", "- dicer:v0.1.0", `args[0]: "dicer:v0.1.0": it is a value of the chart`},
		{"a setting", "webhook/configmap.yaml", "DICER_ARCHITECTURES", "DICER_ARCHS", "DICER_ARCHITECTURES"},
		{"the rule of --templates=all", "components/templates-all/kustomization.yaml", "path: /rules/-", "path: /rule", "Role kubevirt-os-images/dicer-fanout: rules: components/templates-all adds nothing"},
		{"a variable of client-auth's", "components/client-auth/kustomization.yaml", "DICER_CLIENT_ALLOWED_NAMES", "DICER_CLIENTS", "overlays/client-auth: Deployment dicer-webhook: spec.template.spec.containers.[name=webhook].env.[name=DICER_CLIENT_ALLOWED_NAMES].value: it is not there"},
		{"the dashboard", "components/monitoring/kustomization.yaml", "name: dicer-dashboard", "name: dicer-board", "overlays/monitoring: no ConfigMap dicer-dashboard"},
		{"the architectures of a policy", "components/policies/ssps.yaml", "- name: accepted\n", "- name: known\n", "accepted"},
		{"the golden images' namespace of a policy", "components/policies/ssps.yaml", `'"kubevirt-os-images"'`, `"kubevirt-os-images"`, `ValidatingAdmissionPolicy dicer-ssps: expression: no "kubevirt-os-images" in it`},
		{"the golden images' namespace in a rule", "components/monitoring/prometheusrule.yaml", "name: dicer-fanout", "name: of-kubevirt-os-images", `.name: "of-kubevirt-os-images": it is a value of the chart`},
		{"an object of OpenShift's alone", "overlays/openshift/kustomization.yaml", "- ../../base\n", "- ../../base\n- more.yaml\n", "overlays/openshift: ServiceAccount more is not in overlays/default"},
		{"what Helm reads as its own", "base/service.yaml", "appProtocol: https", `appProtocol: "{{ https }}"`, "Service dicer-webhook: Helm would take its {{ for a template's"},
		{"a value", chart + "/values.yaml", "  replicas: 2\n", "", "chart/dicer/values.yaml: webhook.replicas: it is not there"},
		{"the chart's appVersion", chart + "/Chart.yaml", "appVersion: v0.1.0\n", "", "chart/dicer/Chart.yaml: appVersion: it is not there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			copied := copyOf(t)
			edit(t, filepath.Join(copied, test.file), test.old, test.new)
			writeFile(t, filepath.Join(copied, "overlays/openshift/more.yaml"), "{apiVersion: v1, kind: ServiceAccount, metadata: {name: more, namespace: dicer-system}}")
			if err := run([]string{copied}, t.Output()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want %q in it", err, test.want)
			}
		})
	}
}

func TestOnlyWhatWasWrittenIsReplaced(t *testing.T) {
	copied := copyOf(t)
	own, gone := filepath.Join(copied, template("own.yaml")), filepath.Join(copied, template("gone.yaml"))
	writeFile(t, own, "# A person's.\n")
	writeFile(t, gone, header+"# Of a kind that deploy/ had once.\n")
	if err := run([]string{copied}, t.Output()); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(copied, template("*o*n*.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.Join(left, " ")
	if !strings.Contains(joined, own) || strings.Contains(joined, gone) {
		t.Errorf("there are %v; want %s, and not %s", left, own, gone)
	}
}
