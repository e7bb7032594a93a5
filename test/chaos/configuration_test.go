//go:build chaos

package chaos

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// marked is a namespace, and a label, of objects that only show which configuration
// the API server goes by.
const marked = "marked"

// trust has everybody trust a bundle of CAs, and returns once the API server calls
// the webhook by it. Writes that began before may be on their way still.
func (s *suite) trust(t *testing.T, bundle []byte) {
	t.Helper()
	s.generation++
	var changed []*unstructured.Unstructured
	for _, shipped := range s.configurations {
		configuration := shipped.DeepCopy()
		if err := s.point(configuration, bundle); err != nil {
			t.Fatal(err)
		}
		changed = append(changed, configuration)
	}
	if err := s.Apply(s.ctx, changed); err != nil {
		t.Fatal(err)
	}
	for _, configuration := range changed {
		s.eventually(t, func() error {
			err := s.Client.Create(s.ctx, marker(configuration.GetKind()), client.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), s.markerName()) || !strings.Contains(err.Error(), "could not find the requested resource") {
				return fmt.Errorf("%s is not in effect: %v", configuration.GetKind(), err)
			}
			return nil
		})
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(bundle)
	s.trusted.Store(pool)
}

func (s *suite) markerName() string { return fmt.Sprintf("generation-%d.chaos.test", s.generation) }

// point has a configuration call the balancer, and adds an entry that the webhook
// answers with 404: the API server quotes its name, and with it the generation.
func (s *suite) point(configuration *unstructured.Unstructured, bundle []byte) error {
	clientConfig := func(path string) map[string]any {
		port, ca := int64(s.balancer.port()), base64.StdEncoding.EncodeToString(bundle)
		if s.byURL {
			return map[string]any{"url": fmt.Sprintf("https://localhost:%d%s", port, path), "caBundle": ca}
		}
		return map[string]any{
			"service":  map[string]any{"namespace": system, "name": service, "port": port, "path": path},
			"caBundle": ca,
		}
	}
	if err := cluster.PointWebhooks(configuration, clientConfig); err != nil {
		return err
	}
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return err
	}
	webhooks = append(webhooks, map[string]any{
		"name":                    s.markerName(),
		"clientConfig":            clientConfig("/generation"),
		"admissionReviewVersions": []any{"v1"},
		"sideEffects":             "None",
		"failurePolicy":           "Fail",
		"objectSelector":          map[string]any{"matchLabels": map[string]any{marked: configuration.GetKind()}},
		"namespaceSelector":       map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": marked}},
		"rules": []any{map[string]any{
			"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"configmaps"},
		}},
	})
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}
