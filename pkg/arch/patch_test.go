package arch

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// seedTemplate reads the one template of the seed case's SSP.
func seedTemplate(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("testdata/ssp-rhel10.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var ssp struct {
		Spec struct {
			CommonTemplates struct {
				DataImportCronTemplates []map[string]any `json:"dataImportCronTemplates"`
			} `json:"commonTemplates"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(file, &ssp); err != nil {
		t.Fatal(err)
	}
	raw, err := yaml.Marshal(ssp.Spec.CommonTemplates.DataImportCronTemplates[0])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestCutMakesTheExamplesOfTheSeedCase(t *testing.T) {
	template, raw := decodeYAML(t, string(seedTemplate(t)))
	for _, a := range []Arch{"amd64", "arm64"} {
		file, err := os.ReadFile("testdata/dic-rhel10-" + string(a) + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		want, wantRaw := decodeYAML(t, string(file))
		got := apply(t, raw, Cut(template, a, DefaultGoldenImagesNamespace))
		if diff := cmp.Diff(object(t, wantRaw), object(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a, diff)
		}
		if !want.CompleteFor(a) {
			t.Errorf("%s: the example is not complete", a)
		}
		if ops := Cut(want, a, DefaultGoldenImagesNamespace); len(ops) > 0 {
			t.Errorf("%s: applied twice it changes %v", a, ops)
		}
	}
}

func TestCutCarriesWhatIsTheUsers(t *testing.T) {
	template, raw := decodeYAML(t, `
metadata:
  name: rhel10
  finalizers: [mine]
  annotations:
    ssp.kubevirt.io/dict.architectures: arm64
    kubectl.kubernetes.io/last-applied-configuration: "{}"
    operator-sdk/primary-resource: ssp/ssp
    mine/a~b: kept
  labels: {mine: kept}
spec:
  managedDataSource: rhel10
  invented: {deeply: [1, 12345678901234567890, {nested: true}]}
  template:
    metadata: {labels: {a: b}}
    spec:
      invented: true
      source:
        registry: {url: "docker://x", platform: {os: linux, architecture: arm64}}
`)
	got := object(t, apply(t, raw, Cut(template, "arm64", "golden")))
	_, wantRaw := decodeYAML(t, `
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata:
  name: rhel10-arm64
  namespace: golden
  annotations: {mine/a~b: kept}
  labels:
    mine: kept
    template.kubevirt.io/architecture: arm64
    cdi.kubevirt.io/storage.import.datasource-name: rhel10
spec:
  managedDataSource: rhel10-arm64
  invented: {deeply: [1, 12345678901234567890, {nested: true}]}
  template:
    metadata: {labels: {a: b}}
    spec:
      invented: true
      source:
        registry: {url: "docker://x", platform: {os: linux, architecture: arm64}}
`)
	if diff := cmp.Diff(object(t, wantRaw), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompleteTouchesOnlyWhatIsNotRight(t *testing.T) {
	for name, tc := range map[string]struct {
		dic   string
		paths []string
	}{
		"a complete one gets no operation": {dic: `
metadata: {labels: {template.kubevirt.io/architecture: arm64, cdi.kubevirt.io/storage.import.datasource-name: rhel10}}
spec: {managedDataSource: rhel10-arm64, template: {spec: {source: {registry: {platform: {architecture: arm64}}}}}}`},
		"no labels at all: one operation for both": {dic: `
metadata: {name: x}
spec: {managedDataSource: rhel10-arm64, template: {spec: {source: {http: {}}}}}`, paths: []string{"add /metadata/labels"}},
		"labels that are there stay": {dic: `
metadata: {labels: {mine: "1"}, annotations: {ssp.kubevirt.io/dict.architectures: arm64}}
spec: {managedDataSource: rhel10, template: {spec: {source: {registry: {}}}}}`, paths: []string{
			"add /metadata/labels/template.kubevirt.io~1architecture",
			"add /metadata/labels/cdi.kubevirt.io~1storage.import.datasource-name",
			"remove /metadata/annotations/ssp.kubevirt.io~1dict.architectures",
			"add /spec/managedDataSource",
			"add /spec/template/spec/source/registry/platform",
		}},
		"an empty list goes too, an empty platform is filled": {dic: `
metadata: {labels: {template.kubevirt.io/architecture: arm64, cdi.kubevirt.io/storage.import.datasource-name: rhel10}, annotations: {ssp.kubevirt.io/dict.architectures: ""}}
spec: {managedDataSource: rhel10-arm64, template: {spec: {source: {registry: {platform: {}}}}}}`, paths: []string{
			"remove /metadata/annotations/ssp.kubevirt.io~1dict.architectures",
			"add /spec/template/spec/source/registry/platform/architecture",
		}},
		"null counts as absent": {dic: `
metadata: {labels: null}
spec: {managedDataSource: rhel10-arm64, template: {spec: {source: {registry: {platform: null}}}}}`, paths: []string{
			"add /metadata/labels", "add /spec/template/spec/source/registry/platform",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d, raw := decodeYAML(t, tc.dic)
			ops := complete(d, "arm64", "rhel10")
			var paths []string
			for _, op := range ops {
				paths = append(paths, op.Op+" "+op.Path)
			}
			if diff := cmp.Diff(tc.paths, paths); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			var after DataImportCron
			if _, err := Decode(apply(t, raw, ops), &after); err != nil {
				t.Fatal(err)
			}
			if !after.CompleteFor("arm64") {
				t.Errorf("not complete: %+v", after)
			}
		})
	}
}

func TestDecodeReadsTheWrongTypeAsAFinding(t *testing.T) {
	for raw, want := range map[string]string{
		`{"spec":{"managedDataSource":5}}`: `warning malformed spec.managedDataSource ""`,
		`{"spec":"x"}`:                     `warning malformed spec ""`,
		`{"metadata":{"labels":{"a":1}}}`:  `warning malformed metadata.labels ""`,
		`5`:                                `warning malformed <nil> ""`,
		`{"spec":{"template":{"spec":{"source":{"registry":[]}}}}}`:         `warning malformed spec.template.spec.source.registry ""`,
		`{"SPEC":{"managedDataSource":5},"spec":{"MANAGEDDATASOURCE":"x"}}`: ``,
	} {
		var d DataImportCron
		findings, err := Decode([]byte(raw), &d)
		got := ""
		for _, s := range summary(findings) {
			got += s
		}
		if err != nil || got != want || d.Spec.ManagedDataSource != "" {
			t.Errorf("%s: got %q, %v; want %q", raw, got, err, want)
		}
	}
	if _, err := Decode([]byte(`{"spec":`), &DataImportCron{}); err == nil {
		t.Error("truncated JSON: want an error")
	}
}
