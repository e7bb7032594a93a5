package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// conditionsInForce reads the match conditions from the API server, by webhook.
func conditionsInForce(t *testing.T) map[string][]admissionregistrationv1.MatchCondition {
	t.Helper()
	var m admissionregistrationv1.MutatingWebhookConfiguration
	var v admissionregistrationv1.ValidatingWebhookConfiguration
	for _, obj := range []client.Object{&m, &v} {
		if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "dicer"}, obj); err != nil {
			t.Fatal(err)
		}
	}
	conditions := map[string][]admissionregistrationv1.MatchCondition{}
	for _, w := range m.Webhooks {
		conditions[w.Name] = w.MatchConditions
	}
	for _, w := range v.Webhooks {
		conditions[w.Name] = w.MatchConditions
	}
	return conditions
}

func TestConditionsThatStandTwiceAreTheSame(t *testing.T) {
	conditions := conditionsInForce(t)
	if len(conditions) != 5 {
		t.Fatalf("%d webhooks; want 5", len(conditions))
	}
	mutating, validating := conditions["mutate.dataimportcron.dicer.dev"], conditions["validate.dataimportcron.dicer.dev"]
	if diff := cmp.Diff(mutating, validating); diff != "" || len(mutating) != 2 {
		t.Errorf("of DataImportCrons (-mutating +validating):\n%s", diff)
	}
	// The first one splits them: TestAnSSPThatComesToHCOAndGoes.
	own, hcos := conditions["validate.ssp.dicer.dev"], conditions["validate.ssp-of-hco.dicer.dev"]
	if diff := cmp.Diff(own[1:], hcos[1:]); diff != "" || len(own) != 3 {
		t.Errorf("of SSPs (-own +HCO's):\n%s", diff)
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
	shipped := arch.DefaultArchitectures().List()
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

// TestTheValidatorsAloneAreAlwaysCalled applies validating.yaml as it stands,
// without kustomize, which puts the conditions of DataImportCrons into it.
func TestTheValidatorsAloneAreAlwaysCalled(t *testing.T) {
	content, err := os.ReadFile("../../deploy/webhook/validating.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manifest := strings.Replace(string(content), "metadata:\n  name: dicer\n", "metadata:\n  name: alone\n", 1)
	created, _, err := env.Kubectl(t.Context(), manifest, "create", "--dry-run=server", "-o", "json", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	var v admissionregistrationv1.ValidatingWebhookConfiguration
	if err := json.Unmarshal([]byte(created), &v); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, w := range v.Webhooks {
		got[w.Name] = len(w.MatchConditions)
	}
	want := map[string]int{"validate.dataimportcron.dicer.dev": 0, "validate.ssp.dicer.dev": 3, "validate.ssp-of-hco.dicer.dev": 3, "validate.hyperconverged.dicer.dev": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}
