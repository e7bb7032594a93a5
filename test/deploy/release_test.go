package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// release returns the tag of dicer's image, as components/settings has it.
func release(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../deploy/components/settings/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Images []struct{ Name, NewTag string }
	}
	if err := yaml.Unmarshal(content, &settings); err != nil {
		t.Fatal(err)
	}
	if len(settings.Images) != 1 || settings.Images[0].Name != "dicer" || settings.Images[0].NewTag == "" {
		t.Fatalf("components/settings names the images %v; want the tag of dicer", settings.Images)
	}
	return settings.Images[0].NewTag
}

func TestTheReleaseIsNamedInOnePlace(t *testing.T) {
	tag := release(t)
	var found []string
	err := filepath.WalkDir("../../deploy", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), tag) {
			found = append(found, filepath.ToSlash(strings.TrimPrefix(path, filepath.FromSlash("../../deploy/"))))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The chart's is generated.
	if diff := cmp.Diff([]string{"chart/dicer/Chart.yaml", "components/settings/kustomization.yaml"}, found); diff != "" {
		t.Errorf("files that name %s (-want +got):\n%s", tag, diff)
	}
}

func TestTheImageIsTheReleasesOrTheUsers(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		want := "dicer:" + release(t)
		if o.name == withoutOperator {
			want = "registry.invalid/dicer:v9"
		}
		runs(t, o, want)
	})
	// make manifests does this to an overlay.
	const above = "{resources: [../default], images: [{name: dicer, newName: registry.invalid/dicer, newTag: v8}]}"
	runs(t, own(t, above), "registry.invalid/dicer:v8")
	// Who only says where it is pulled from keeps the tag.
	const renamed = "{resources: [../default], images: [{name: dicer, newName: registry.invalid/dicer}]}"
	runs(t, own(t, renamed), "registry.invalid/dicer:"+release(t))
}

func runs(t *testing.T, o *overlay, image string) {
	t.Helper()
	for name, d := range deployments(t, o) {
		if got := d.Spec.Template.Spec.Containers[0].Image; got != image {
			t.Errorf("%s: image %s; want %s", name, got, image)
		}
	}
}
