package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func file(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestTheMatrixHasWhatIsPinned holds the README's table to the pins: of the control
// plane, of the modules that CRDs are made of, and of what the kind cluster runs.
func TestTheMatrixHasWhatIsPinned(t *testing.T) {
	matrix := sections(file(t, "README.md"))["What was tested"]
	pins, err := filepath.Glob("../../hack/controlplane/kubernetes/v*.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, pin := range pins {
		want["| Kubernetes | "+strings.TrimSuffix(filepath.Base(pin), ".mod")+" |"] = true
	}
	for _, module := range []struct{ file, path, row string }{
		{"go.mod", "kubevirt.io/ssp-operator/api", "of API "},
		{"go.mod", "kubevirt.io/containerized-data-importer-api", "of API "},
		{"hack/kind/certmanager/go.mod", "github.com/cert-manager/cert-manager", "| cert-manager | "},
	} {
		version := regexp.MustCompile(regexp.QuoteMeta(module.path) + ` (v\S+)`).FindStringSubmatch(file(t, module.file))
		if version == nil {
			t.Fatalf("%s has no %s", module.file, module.path)
		}
		want[module.row+version[1]+" |"] = true
	}
	for row := range want {
		if !strings.Contains(matrix, row) {
			t.Errorf("README.md lacks %s", row)
		}
	}
	if rows := strings.Count(matrix, "| Kubernetes |"); rows != len(pins) || len(want) < 4 {
		t.Errorf("%d rows of Kubernetes; pinned are %v", rows, pins)
	}
}

// TestTheDemoIsShownAsItIs looks for each step that the README shows in the demo, by
// number and title.
func TestTheDemoIsShownAsItIs(t *testing.T) {
	_, shown, _ := strings.Cut(file(t, "README.md"), "$ make demo\n")
	shown, _, _ = strings.Cut(shown, "```")
	titles := regexp.MustCompile(`(?m)^\t\ttitle: +"(.*)",$`).FindAllStringSubmatch(file(t, "hack/demo/steps.go"), -1)
	steps := regexp.MustCompile(`(?m)^(\d+)\. (.+)$`).FindAllStringSubmatch(shown, -1)
	if len(steps) < 5 || len(titles) < len(steps) {
		t.Fatalf("%d steps of %d; the patterns do not find them", len(steps), len(titles))
	}
	for _, step := range steps {
		number := len(titles)
		for i, title := range titles {
			if title[1] == step[2] {
				number = i
			}
		}
		if number == len(titles) || step[1] != strconv.Itoa(number+1) {
			t.Errorf("the demo has no step %s", step[0])
		}
	}
	if last := "All " + strconv.Itoa(len(titles)) + " steps went as they should"; !strings.Contains(shown, last) {
		t.Errorf("README.md lacks %q", last)
	}
}
