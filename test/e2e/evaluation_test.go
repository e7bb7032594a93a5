package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const mutator = "mutate.dataimportcron.dicer.dev"

// webhooks are dicer's, by their names in the configurations.
var webhooks = []string{mutator, "validate.dataimportcron.dicer.dev", "validate.ssp.dicer.dev", "validate.ssp-of-hco.dicer.dev"}

// conditionErrors returns how often the API server failed to evaluate a match
// condition of a webhook, since it started.
func conditionErrors(ctx context.Context, webhook string) (float64, error) {
	return env.Value(ctx, "apiserver_admission_match_condition_evaluation_errors_total", map[string]string{"name": webhook})
}

// noConditionFailed returns an error where, in all the tests that have run, the
// evaluation of one of dicer's conditions failed on an object.
func noConditionFailed() error {
	var errs []error
	for _, webhook := range webhooks {
		count, err := conditionErrors(context.Background(), webhook)
		if err == nil && count > 0 {
			err = fmt.Errorf("%s: the evaluation of a match condition failed %v times", webhook, count)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// TestAConditionThatFailsIsSeen shows that a failure would be counted, and what
// the rejection for it says: noConditionFailed and notByACondition look for it.
func TestAConditionThatFailsIsSeen(t *testing.T) {
	const webhook = "fails.example.com"
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "fails"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: webhook,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL: ptr.To(env.webhook.URL("/nowhere")), CABundle: env.webhook.CABundle(),
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}},
			MatchConditions:         []admissionregistrationv1.MatchCondition{{Name: "fails", Expression: "object.data.missing == ''"}},
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	if err := env.Client.Create(t.Context(), configuration); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Client.Delete(context.Background(), configuration); err != nil {
			t.Error(err)
		}
	})
	eventually(t, func() error {
		err := env.client.Create(t.Context(), parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: fails, namespace: default}}"), client.DryRunAll)
		if err == nil || !blamesACondition(err) {
			return fmt.Errorf("the write is answered by: %v", err)
		}
		count, err := conditionErrors(t.Context(), webhook)
		if err == nil && count == 0 {
			err = errors.New("no failure is counted")
		}
		return err
	})
}

// blamesACondition tells whether a write was rejected by the evaluation of a
// condition.
func blamesACondition(err error) bool {
	for _, text := range []string{"expression", "no such", "failed calling", "match condition", "overload"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// notByACondition fails where the evaluation of a condition rejected a write.
func notByACondition(t *testing.T, err error) {
	t.Helper()
	if err != nil && blamesACondition(err) {
		t.Error(err)
	}
}
