package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMakeManifestsRendersWhatKubectlDoes is for a user's overlay too, and in a
// copy that has nothing to make a control plane of.
func TestMakeManifestsRendersWhatKubectlDoes(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{"deploy", "hack/chart"} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join("../..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "Makefile"), string(makefile))
	write(t, filepath.Join(root, "deploy/overlays", withoutOperator, "kustomization.yaml"), ownKustomization)
	cmd := exec.CommandContext(t.Context(), "make", "-C", root, "manifests", "IMAGE=registry.invalid/made", "VERSION=v7")
	cmd.Env = append(os.Environ(), "KUBEBUILDER_ASSETS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make manifests: %v\n%s", err, out)
	}
	made, err := os.ReadDir(filepath.Join(root, "dist"))
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 5 {
		t.Errorf("%d overlays are rendered; want 5", len(made))
	}
	for _, overlay := range made {
		got, err := os.ReadFile(filepath.Join(root, "dist", overlay.Name(), "install.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		above := filepath.Join(root, "deploy/overlays/above", overlay.Name())
		write(t, filepath.Join(above, "kustomization.yaml"), fmt.Sprintf(
			"{resources: [../../%s], images: [{name: dicer, newName: registry.invalid/made, newTag: v7}]}", overlay.Name()))
		want, _, err := env.Kubectl(t.Context(), "", "kustomize", above)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (-kubectl +make manifests):\n%s", overlay.Name(), diff)
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
