package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Manifests renders a kustomization of the repository, deploy/fanout say. It
// writes nothing to the API server.
func (c *Cluster) Manifests(ctx context.Context, dir string) ([]*unstructured.Unstructured, error) {
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	rendered, _, err := c.Kubectl(ctx, "", "kustomize", filepath.Join(root, dir))
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
