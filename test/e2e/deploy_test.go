package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// conditionsInForce reads the match conditions of both webhooks of
// DataImportCrons from the API server.
func conditionsInForce(t *testing.T) (mutating, validating []admissionregistrationv1.MatchCondition) {
	t.Helper()
	var m admissionregistrationv1.MutatingWebhookConfiguration
	var v admissionregistrationv1.ValidatingWebhookConfiguration
	for _, obj := range []client.Object{&m, &v} {
		if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "dicer"}, obj); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range m.Webhooks {
		mutating = append(mutating, w.MatchConditions...)
	}
	for _, w := range v.Webhooks {
		if w.Name == "validate.dataimportcron.dicer.dev" {
			validating = append(validating, w.MatchConditions...)
		}
	}
	return mutating, validating
}

func TestBothWebhooksOfDataImportCronsAreCalledOnTheSameConditions(t *testing.T) {
	mutating, validating := conditionsInForce(t)
	if len(mutating) != 2 {
		t.Fatalf("%d conditions; want one for CREATE, one for UPDATE", len(mutating))
	}
	if diff := cmp.Diff(mutating, validating); diff != "" {
		t.Errorf("(-mutating +validating):\n%s", diff)
	}
}

// TestTheAcceptedArchitecturesAreOneValue changes the ConfigMap in a copy of
// deploy/webhook and looks for the change in both conditions.
func TestTheAcceptedArchitecturesAreOneValue(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../deploy/webhook")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "configmap.yaml")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shipped := strings.ReplaceAll(arch.DefaultArchitectures().String(), ", ", ",")
	after := strings.Replace(string(before), "DICER_ARCHITECTURES: "+shipped, "DICER_ARCHITECTURES: amd64,ppc64le", 1)
	if after == string(before) {
		t.Fatalf("configmap.yaml does not hold %s, the server's default", shipped)
	}
	if err := os.WriteFile(file, []byte(after), 0o600); err != nil {
		t.Fatal(err)
	}
	rendered, _, err := env.Kubectl(t.Context(), "", "kustomize", dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(rendered, `"amd64,ppc64le".split(`); got != 2 || strings.Contains(rendered, shipped) {
		t.Errorf("the new value is in %d conditions; want it in 2, and nowhere %s", got, shipped)
	}
}
