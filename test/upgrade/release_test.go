package upgrade

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

// release is what an administrator installs.
type release struct {
	name, binary   string
	configurations []*unstructured.Unstructured
	environment    []string
}

// preceding checks out the tag before this revision into a folder of its own.
func preceding(t *testing.T) (tag, source string) {
	t.Helper()
	root := git(t, "rev-parse", "--show-toplevel")
	tag = git(t, "-C", root, "describe", "--tags", "--abbrev=0", "HEAD^")
	source = t.TempDir()
	archive := filepath.Join(t.TempDir(), "source.tar")
	git(t, "-C", root, "archive", "--output", archive, tag)
	if out, err := exec.CommandContext(t.Context(), "tar", "--directory", source, "--extract", "--file", archive).CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s: %v\n%s", tag, err, out)
	}
	return tag, source
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", args...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		t.Fatalf("git %s: %v\nwhat is upgraded from is the tag before this commit; in a clone: git fetch --unshallow --tags",
			strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// newRelease builds the webhook of a source tree and renders its manifests.
func newRelease(t *testing.T, c *cluster.Cluster, name, source string) *release {
	t.Helper()
	r := &release{name: name, binary: filepath.Join(t.TempDir(), "webhook")}
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", r.binary, "./cmd/dicer")
	build.Dir = source
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the webhook of %s: %v\n%s", name, err, out)
	}
	rendered, _, err := c.Kubectl(t.Context(), "", "kustomize", filepath.Join(source, "deploy", "webhook"))
	if err != nil {
		t.Fatalf("the manifests of %s: %v", name, err)
	}
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(rendered), 4096); ; {
		manifest := &unstructured.Unstructured{}
		if err := decoder.Decode(manifest); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the manifests of %s: %v", name, err)
		}
		switch manifest.GetKind() {
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			r.configurations = append(r.configurations, manifest)
		case "ConfigMap":
			data, _, _ := unstructured.NestedStringMap(manifest.Object, "data")
			for _, key := range slices.Sorted(maps.Keys(data)) {
				r.environment = append(r.environment, key+"="+data[key])
			}
		}
	}
	if len(r.configurations) == 0 {
		t.Fatalf("the manifests of %s hold no webhook configuration", name)
	}
	return r
}

// apply has the API server go by the release's configurations. They call address.
func (r *release) apply(ctx context.Context, c *cluster.Cluster, address string, ca []byte) error {
	var changed []*unstructured.Unstructured
	for _, shipped := range r.configurations {
		configuration := shipped.DeepCopy()
		err := cluster.PointWebhooks(configuration, func(path string) map[string]any {
			return map[string]any{"url": "https://" + address + path, "caBundle": base64.StdEncoding.EncodeToString(ca)}
		})
		if err != nil {
			return err
		}
		changed = append(changed, configuration)
	}
	return c.Apply(ctx, changed)
}
