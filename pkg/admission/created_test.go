package admission

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func TestCreatedSaysWhatTheWebhooksWould(t *testing.T) {
	const template = `{metadata: {name: x, annotations: {ssp.kubevirt.io/dict.architectures: "amd64, arn64"}}, spec: {managedDataSource: x, template: {spec: {source: {registry: {}}}}}}`
	const unknown = "error unknown-architecture"
	for name, tc := range map[string]struct {
		group, version, kind, object string
		want                         []string
		judged                       bool
	}{
		"an SSP": {
			"ssp.kubevirt.io", "v1beta3", "SSP", `spec: {commonTemplates: {dataImportCronTemplates: [` + template + `]}}`,
			[]string{unknown + " spec.commonTemplates.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]"}, true,
		},
		"a HyperConverged of v1": {
			"hco.kubevirt.io", "v1", "HyperConverged", `spec: {workloadSources: {dataImportCronTemplates: [` + template + `]}}`,
			[]string{
				unknown + " spec.workloadSources.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]",
				"error spaced-item spec.workloadSources.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]",
			}, true,
		},
		"one of v1beta1, with the templates where v1 has them": {
			"hco.kubevirt.io", "v1beta1", "HyperConverged", `spec: {workloadSources: {dataImportCronTemplates: [` + template + `]}}`, nil, true,
		},
		"a DataImportCron, as it is completed": {
			"cdi.kubevirt.io", "v1beta1", "DataImportCron",
			`{metadata: {name: x, labels: {template.kubevirt.io/architecture: arm64}}, spec: {managedDataSource: x}}`,
			[]string{"warning datasource-renamed spec.managedDataSource", "warning name-without-suffix metadata.name"}, true,
		},
		"the SSP operator's, which is not": {
			"cdi.kubevirt.io", "v1beta1", "DataImportCron",
			`{metadata: {name: x-arm64, labels: {template.kubevirt.io/architecture: arm64, app.kubernetes.io/managed-by: ssp-operator}}, spec: {managedDataSource: x}}`,
			[]string{"warning incomplete metadata.labels[template.kubevirt.io/architecture]"}, true,
		},
		"what could not be read": {
			"ssp.kubevirt.io", "v1beta3", "SSP", `spec: {commonTemplates: {dataImportCronTemplates: text}}`,
			[]string{"warning malformed spec.commonTemplates.dataImportCronTemplates"}, true,
		},
		"what could not be read of what HCO says": {
			"hco.kubevirt.io", "v1", "HyperConverged", `{status: {dataImportCronTemplates: [{spec: {schedule: 5}}]}}`,
			[]string{"warning malformed status.dataImportCronTemplates.spec.schedule"}, true,
		},
		"another kind":  {"", "v1", "ConfigMap", `{}`, nil, false},
		"another group": {"example.org", "v1", "SSP", `spec: {commonTemplates: {dataImportCronTemplates: [` + template + `]}}`, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := yaml.YAMLToJSON([]byte(tc.object))
			if err != nil {
				t.Fatal(err)
			}
			// The action is for requests: what is found stays what it is.
			policy := &Policy{Action: admissionregistrationv1.Audit}
			findings, judged, err := policy.Created(schema.GroupVersionKind{Group: tc.group, Version: tc.version, Kind: tc.kind}, raw)
			if err != nil || judged != tc.judged {
				t.Fatalf("judged %t, %v", judged, err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, string(f.Severity)+" "+string(f.Rule)+" "+f.FieldError().Field)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, kind := range []schema.GroupKind{sspKind, hyperConvergedKind, dataImportCronKind} {
		if _, judged, err := new(Policy).Created(kind.WithVersion("v1"), []byte("{")); err == nil || !judged {
			t.Errorf("%s that is no JSON: judged %t, %v", kind, judged, err)
		}
	}
}

func TestTemplatesPath(t *testing.T) {
	for gvk, want := range map[schema.GroupVersionKind]string{
		sspKind.WithVersion("v1beta2"):            "spec.commonTemplates.dataImportCronTemplates",
		hyperConvergedKind.WithVersion("v1"):      "spec.workloadSources.dataImportCronTemplates",
		hyperConvergedKind.WithVersion("v1beta1"): "spec.dataImportCronTemplates",
		dataImportCronKind.WithVersion("v1beta1"): "<nil>",
	} {
		if got := TemplatesPath(gvk).String(); got != want {
			t.Errorf("%s: %s; want %s", gvk, got, want)
		}
	}
}
