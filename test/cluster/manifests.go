package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Manifests renders a kustomization of the repository, deploy/fanout say, with
// further components of it. It writes nothing to the API server.
func (c *Cluster) Manifests(ctx context.Context, dir string, components ...string) ([]*unstructured.Unstructured, error) {
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(root, dir)
	if len(components) > 0 {
		if folder, err = os.MkdirTemp("", "dicer-kustomization-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		if err := compose(folder, root, dir, components); err != nil {
			return nil, fmt.Errorf("composing %s and %v: %w", dir, components, err)
		}
	}
	rendered, _, err := c.Kubectl(ctx, "", "kustomize", folder)
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", dir, err)
	}
	var manifests []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(rendered), 4096)
	for {
		manifest := &unstructured.Unstructured{}
		if err := decoder.Decode(manifest); errors.Is(err, io.EOF) {
			return manifests, nil
		} else if err != nil {
			return nil, fmt.Errorf("decoding the manifests of %s: %w", dir, err)
		}
		manifests = append(manifests, manifest)
	}
}

// compose writes a kustomization of dir and components into folder. kustomize
// takes no absolute path of either.
func compose(folder, root, dir string, components []string) error {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return err
	}
	up, err := filepath.Rel(folder, root)
	if err != nil {
		return err
	}
	content := map[string][]string{"resources": {path.Join(filepath.ToSlash(up), dir)}}
	for _, component := range components {
		content["components"] = append(content["components"], path.Join(filepath.ToSlash(up), component))
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "kustomization.yaml"), encoded, 0o600)
}

// Apply makes these objects, or makes them so. Their namespaces have to exist.
func (c *Cluster) Apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("applying %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}
