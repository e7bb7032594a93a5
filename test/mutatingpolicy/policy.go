package mutatingpolicy

import (
	"bytes"
	_ "embed"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

//go:embed policy.yaml
var manifests []byte

// APIServerFlags have an API server before Kubernetes 1.36 serve policies too.
func APIServerFlags() map[string]string {
	return map[string]string{
		"feature-gates":  "MutatingAdmissionPolicy=true",
		"runtime-config": "admissionregistration.k8s.io/v1beta1=true",
	}
}

// Objects returns the policy and its binding, in the version that the API server
// of mapper has. Each call returns new objects.
func Objects(mapper meta.RESTMapper) (policy, binding *unstructured.Unstructured, err error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	policy, binding = &unstructured.Unstructured{}, &unstructured.Unstructured{}
	for _, object := range []*unstructured.Unstructured{policy, binding} {
		if err := decoder.Decode(object); err != nil {
			return nil, nil, fmt.Errorf("decoding the policy: %w", err)
		}
		kind := object.GroupVersionKind()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), "v1", "v1beta1")
		if err != nil {
			return nil, nil, fmt.Errorf("the API server has no such policies: %w", err)
		}
		object.SetGroupVersionKind(schema.GroupVersionKind{Group: kind.Group, Version: mapping.GroupVersionKind.Version, Kind: kind.Kind})
	}
	return policy, binding, nil
}
