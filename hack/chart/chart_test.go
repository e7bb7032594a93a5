package main

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	deploy    = "../../deploy"
	namespace = "dicer-system"
)

// objects are decoded manifests, by kind, namespace and name.
type objects map[string]map[string]any

func decode(t *testing.T, manifests string, into objects) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in:\n%s", err, manifests)
		}
		// What stands before the first ---.
		if object.Object == nil {
			continue
		}
		key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
		if into[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		into[key] = object.Object
	}
}

// helmed returns what Helm makes of deploy's chart with values, which are YAML.
func helmed(deploy, namespace, values string) (map[string]string, error) {
	loaded, err := loader.Load(filepath.Join(deploy, chart))
	if err != nil {
		return nil, err
	}
	given := map[string]any{}
	if err := sigsyaml.Unmarshal([]byte(values), &given); err != nil {
		return nil, err
	}
	release := common.ReleaseOptions{Name: "dicer", Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(loaded, given, release, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(loaded, all)
}

func chartOf(t *testing.T, deploy, namespace, values string) objects {
	t.Helper()
	texts, err := helmed(deploy, namespace, values)
	if err != nil {
		t.Fatal(err)
	}
	found := objects{}
	for name, text := range texts {
		if filepath.Ext(name) == ".yaml" {
			decode(t, text, found)
		}
	}
	return found
}

// kustomized returns what kubectl kustomize makes of an overlay.
func kustomized(t *testing.T, folder string) objects {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	found := objects{}
	decode(t, string(manifests), found)
	return found
}
