package judge

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/pkg/admission"
)

func TestEachFieldOfAWrongTypeIsTold(t *testing.T) {
	const templates = "spec.commonTemplates.dataImportCronTemplates"
	ssp := schema.GroupVersionKind{Group: "ssp.kubevirt.io", Version: "v1beta3", Kind: "SSP"}
	hyperConverged := schema.GroupVersionKind{Group: "hco.kubevirt.io", Version: "v1", Kind: "HyperConverged"}
	dataImportCron := schema.GroupVersionKind{Group: "cdi.kubevirt.io", Version: "v1beta1", Kind: "DataImportCron"}
	for name, tc := range map[string]struct {
		kind   schema.GroupVersionKind
		object string
		want   []string
	}{
		"one in each of two templates": {
			ssp, `spec: {commonTemplates: {dataImportCronTemplates: [{spec: {schedule: 5}}, {}, {spec: {schedule: 6}}]}}`,
			[]string{templates + "[0].spec.schedule: schedule: a JSON number", templates + "[2].spec.schedule: schedule: a JSON number"},
		},
		"several in one, beside what another rule finds": {
			ssp, `spec: {commonTemplates: {dataImportCronTemplates: [{metadata: {name: x, annotations: {ssp.kubevirt.io/dict.architectures: arn64}}, spec: {schedule: true, managedDataSource: [x], template: {spec: {source: {registry: {platform: {}, url: {}}}}}}}]}}`,
			[]string{
				templates + "[0].spec.managedDataSource: managedDataSource: a JSON array",
				templates + "[0].spec.schedule: schedule: a JSON bool",
				templates + "[0].spec.template.spec.source.registry.url: url: a JSON object",
				templates + `[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]: template "x": dict.architectures: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`,
			},
		},
		"values of labels, and null, which is none": {
			dataImportCron, `{metadata: {name: null, labels: {b: 5, a/x: true, c: null, d: d}}}`,
			[]string{"metadata.labels[a/x]: a/x: a JSON bool", "metadata.labels[b]: b: a JSON number"},
		},
		"items of a list, and the list": {
			ssp, `spec: {cluster: {workloadArchitectures: [amd64, 64], controlPlaneArchitectures: amd64}}`,
			[]string{
				"spec.cluster.workloadArchitectures[1]: workloadArchitectures[1]: a JSON number",
				"spec.cluster.controlPlaneArchitectures: controlPlaneArchitectures: a JSON string",
			},
		},
		"what HCO says of itself": {
			hyperConverged, `{spec: {workloadSources: text}, status: {dataImportCronTemplates: [{metadata: {name: x}, spec: {schedule: 5}, status: {commonTemplate: "true"}}]}}`,
			[]string{
				"spec.workloadSources: workloadSources: a JSON string",
				"status.dataImportCronTemplates[0].spec.schedule: schedule: a JSON number",
				"status.dataImportCronTemplates[0].status.commonTemplate: commonTemplate: a JSON string",
			},
		},
		"the first of a key that stands twice, as the webhook tells it": {
			dataImportCron, `{"spec":{"schedule":5,"schedule":"0 0 * * 2"}}`,
			[]string{"spec.schedule: schedule: a JSON number"},
		},
		"a number that is too large": {
			dataImportCron, `{"metadata":{"name":1e999,"namespace":1}}`,
			[]string{"metadata.name: name: a JSON number", "metadata.namespace: namespace: a JSON number"},
		},
		"nothing":      {dataImportCron, `{spec: {schedule: "5", unknown: 5}}`, nil},
		"another kind": {schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, `{metadata: 5}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			raw := []byte(tc.object)
			if !json.Valid(raw) {
				var err error
				if raw, err = yaml.YAMLToJSON(raw); err != nil {
					t.Fatal(err)
				}
			}
			findings, _, err := Created(&admission.Policy{}, tc.kind, raw)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, f.FieldError().Field+": "+strings.TrimSuffix(f.Message(), " is not of this field's type; not judged by it"))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
