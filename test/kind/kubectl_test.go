//go:build kind

package kind

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testKubectl compares what a person reads, word for word.
func testKubectl(t *testing.T, s *suite) {
	for _, test := range []struct{ name, manifest, want string }{
		{
			"two mistakes of an SSP at once",
			`
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: mistaken, namespace: streamed}
spec:
  commonTemplates:
    namespace: streamed
    dataImportCronTemplates:
    - metadata: {name: one, annotations: {ssp.kubevirt.io/dict.architectures: "amd64,aarch64,amd64"}}
      spec: {managedDataSource: one, schedule: 4 8/12 * * *, template: {spec: {source: {registry: {url: "docker://registry.invalid/one"}}}}}
`,
			`The SSP "mistaken" is invalid: 
* spec.commonTemplates.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]: Unsupported value: "aarch64": template "one": not one of amd64, arm64, s390x; did you mean "arm64"?
* spec.commonTemplates.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]: Duplicate value: "amd64": template "one": listed 2 times; list it once
`,
		},
		{
			"a DataImportCron that contradicts itself",
			`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: two-arm64, namespace: streamed, labels: {template.kubevirt.io/architecture: arm64}}
spec: {managedDataSource: two, schedule: 4 8/12 * * *, template: {spec: {source: {registry: {url: "docker://registry.invalid/two", platform: {architecture: amd64}}}}}}
`,
			`The DataImportCron "two-arm64" is invalid: spec.template.spec.source.registry.platform.architecture: Invalid value: "amd64": DataImportCron "two-arm64": contradicts the declared architecture "arm64"
`,
		},
		{
			"warnings of a DataImportCron that is completed",
			`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: three, namespace: streamed, labels: {template.kubevirt.io/architecture: arm64}}
spec: {managedDataSource: three, schedule: 4 8/12 * * *, template: {spec: {source: {registry: {url: "docker://registry.invalid/three"}}}}}
`,
			`dataimportcron.cdi.kubevirt.io/three created (server dry run)
Warning: DataImportCron "three": managedDataSource: renamed to "three-arm64" for arm64
Warning: DataImportCron "three": name: does not end in "-arm64", as the SSP operator's and dicer's do
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, err := s.Kubectl(t.Context(), test.manifest, "create", "--dry-run=server", "--filename", "-")
			if rejected := strings.Contains(test.want, "is invalid"); rejected != (err != nil) {
				t.Errorf("kubectl: %v", err)
			}
			if diff := cmp.Diff(test.want, stdout+stderr); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
