package deploy

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const (
	namespace = "dicer-system"
	// withoutOperator is an overlay of a user's own, made for these tests.
	withoutOperator = "without-ssp-operator"
)

// ownKustomization is what a user writes who has neither an SSP operator nor
// the default settings.
const ownKustomization = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../base
components:
- ../../components/cert-manager
- ../../components/fanout
- ../../components/ssp-crd
- ../../components/settings
configMapGenerator:
- name: dicer-webhook
  namespace: dicer-system
  behavior: merge
  literals:
  - DICER_ARCHITECTURES=amd64,ppc64le
  - DICER_GOLDEN_IMAGES_NAMESPACE=golden
images:
- name: dicer
  newName: registry.invalid/dicer
  newTag: v9
`

// overlay is one rendered.
type overlay struct {
	name string
	// file holds what kubectl apply -f is given.
	file    string
	objects []*unstructured.Unstructured
}

// hasFanout tells whether fan-out is a part of it.
func (o *overlay) hasFanout() bool { return !strings.HasSuffix(o.name, "webhook-only") }

// ofOpenShift tells whether OpenShift issues the certificate.
func (o *overlay) ofOpenShift() bool { return strings.HasPrefix(o.name, "openshift") }

// forEach runs a test for each overlay of deploy/ and for a user's own.
func forEach(t *testing.T, test func(*testing.T, *overlay)) {
	t.Helper()
	entries, err := os.ReadDir("../../deploy/overlays")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 {
		t.Errorf("%d overlays; want 4", len(entries))
	}
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) {
			test(t, render(t, filepath.Join("../../deploy/overlays", entry.Name())))
		})
	}
	t.Run(withoutOperator, func(t *testing.T) { test(t, own(t, ownKustomization)) })
}

// own renders a kustomization beside the overlays in a copy of deploy/.
func own(t *testing.T, kustomization string) *overlay {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "overlays", withoutOperator)
	write(t, filepath.Join(folder, "kustomization.yaml"), kustomization)
	return render(t, folder)
}

func render(t *testing.T, folder string) *overlay {
	t.Helper()
	rendered, stderr, err := env.Kubectl(t.Context(), "", "kustomize", folder)
	if err != nil || stderr != "" {
		t.Fatalf("%s: %v; it says %q", folder, err, stderr)
	}
	return newOverlay(t, filepath.Base(folder), rendered)
}

func newOverlay(t *testing.T, name, rendered string) *overlay {
	t.Helper()
	o := &overlay{name: name, file: filepath.Join(t.TempDir(), "install.yaml")}
	if err := os.WriteFile(o.file, []byte(rendered), 0o600); err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(rendered), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return o
		} else if err != nil {
			t.Fatal(err)
		}
		o.objects = append(o.objects, object)
	}
}

// key names an object: kind, namespace and name.
func key(kind, namespace, name string) string {
	return kind + " " + namespace + "/" + name
}

// all returns the overlay's objects of a kind, by name, as type T, which has to
// know every field of theirs.
func all[T any](t *testing.T, o *overlay, kind string) map[string]*T {
	t.Helper()
	found := map[string]*T{}
	for _, object := range o.objects {
		if object.GetKind() != kind {
			continue
		}
		typed := new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Fatalf("%s %s: %v", kind, object.GetName(), err)
		}
		found[object.GetNamespace()+"/"+object.GetName()] = typed
	}
	return found
}

// one returns the only object of a kind.
func one[T any](t *testing.T, o *overlay, kind string) *T {
	t.Helper()
	found := all[T](t, o, kind)
	if len(found) != 1 {
		t.Fatalf("%d objects of kind %s; want one", len(found), kind)
	}
	for _, object := range found {
		return object
	}
	return nil
}
