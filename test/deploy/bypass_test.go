package deploy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dicer-dev/dicer/test/crds"
)

// asked is what decides, beside the match conditions, whether a webhook is asked,
// and what becomes of a write while it does not answer.
type asked struct {
	Rules             []admissionregistrationv1.RuleWithOperations
	FailurePolicy     admissionregistrationv1.FailurePolicyType
	MatchPolicy       admissionregistrationv1.MatchPolicyType
	NamespaceSelector *metav1.LabelSelector
	ObjectSelector    *metav1.LabelSelector
}

// TestNoWriteGoesAroundTheWebhooks wants each version of the kinds that their CRDs
// serve named, and nobody left out but by the one label of a namespace.
func TestNoWriteGoesAroundTheWebhooks(t *testing.T) {
	want := map[string]asked{}
	for name, resource := range map[string]string{
		"mutate.dataimportcron.dicer.dev":   "dataimportcrons",
		"validate.dataimportcron.dicer.dev": "dataimportcrons",
		"validate.hyperconverged.dicer.dev": "hyperconvergeds",
		"validate.ssp.dicer.dev":            "ssps",
		"validate.ssp-of-hco.dicer.dev":     "ssps",
	} {
		failure := admissionregistrationv1.Fail
		if strings.Contains(name, "-of-hco") {
			failure = admissionregistrationv1.Ignore // it only warns
		}
		want[name] = asked{
			Rules: rules(t, resource), FailurePolicy: failure, MatchPolicy: admissionregistrationv1.Equivalent,
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "dicer.dev/admission", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"ignore"}},
			}},
		}
	}
	forEach(t, func(t *testing.T, o *overlay) {
		got := map[string]asked{}
		for _, w := range one[admissionregistrationv1.MutatingWebhookConfiguration](t, o, "MutatingWebhookConfiguration").Webhooks {
			got[w.Name] = asked{w.Rules, *w.FailurePolicy, *w.MatchPolicy, w.NamespaceSelector, w.ObjectSelector}
		}
		for _, w := range one[admissionregistrationv1.ValidatingWebhookConfiguration](t, o, "ValidatingWebhookConfiguration").Webhooks {
			got[w.Name] = asked{w.Rules, *w.FailurePolicy, *w.MatchPolicy, w.NamespaceSelector, w.ObjectSelector}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("webhooks (-want +got):\n%s", diff)
		}
	})
}

// rules are those of all versions of a resource that its CRD serves.
func rules(t *testing.T, resource string) []admissionregistrationv1.RuleWithOperations {
	t.Helper()
	for _, crd := range crds.All() {
		if crd.Spec.Names.Plural != resource {
			continue
		}
		var versions []string
		for _, version := range crd.Spec.Versions {
			if version.Served {
				versions = append(versions, version.Name)
			}
		}
		scope := admissionregistrationv1.ScopeType(crd.Spec.Scope)
		return []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{crd.Spec.Group}, APIVersions: versions, Resources: []string{resource}, Scope: &scope,
			},
		}}
	}
	t.Fatalf("no CRD of %s", resource)
	return nil
}
