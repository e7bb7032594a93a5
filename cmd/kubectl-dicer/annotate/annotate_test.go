package annotate

import (
	"context"
	"errors"
	"testing"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// TestEachImageIsAskedForOnce has templates of two files share images, of which one is
// not there.
func TestEachImageIsAskedForOnce(t *testing.T) {
	asked := map[string]int{}
	a := &Annotator{Accepted: arch.Architectures{"amd64", "arm64"}, Images: func(_ context.Context, url string) ([]string, error) {
		asked[url]++
		if url == "docker://r/none" {
			return nil, errors.New("not found")
		}
		return []string{"amd64"}, nil
	}}
	const ssp = `apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: ssp}
spec:
  commonTemplates:
    dataImportCronTemplates:
    - metadata: {name: a}
      spec: {managedDataSource: a, template: {spec: {source: {registry: {url: "docker://r/one"}}}}}
    - metadata: {name: b}
      spec: {managedDataSource: b, template: {spec: {source: {registry: {url: "docker://r/one"}}}}}
    - metadata: {name: c}
      spec: {managedDataSource: c, template: {spec: {source: {registry: {url: "docker://r/none"}}}}}
`
	for _, name := range []string{"x.yaml", "y.yaml"} {
		_, outcomes, err := a.File(t.Context(), manifest.File{Name: name, Content: []byte(ssp)})
		if err == nil || len(outcomes) != 2 || outcomes[1].List != "amd64" {
			t.Errorf("%s: %v, %v", name, outcomes, err)
		}
	}
	for url, times := range asked {
		if times != 1 {
			t.Errorf("%s is asked for %d times", url, times)
		}
	}
	if len(asked) != 2 {
		t.Errorf("%v were asked for; want two", asked)
	}
}
