package cluster

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/admission"
)

// WebhookPaths are all webhooks; a probe calls each, whatever they decide.
var WebhookPaths = []string{admission.SSPPath, admission.HyperConvergedPath, admission.DataImportCronMutatePath, admission.DataImportCronValidatePath}

// probe asks for an SSP, a HyperConverged and a DataImportCron in a dry run. Their list is wrong:
// that of a right one ends the DataImportCron's way before its validation,
// which has nothing to do then.
func (c *Cluster) probe(ctx context.Context) error {
	metadata := func() map[string]any {
		return map[string]any{
			"name":        "dicer-probe",
			"namespace":   "default",
			"annotations": map[string]any{"ssp.kubevirt.io/dict.architectures": "amd64,bogus"},
		}
	}
	spec := func() map[string]any {
		return map[string]any{
			"managedDataSource": "dicer-probe",
			"schedule":          "0 0 * * *",
			"template": map[string]any{"spec": map[string]any{
				"source":  map[string]any{"registry": map[string]any{"url": "docker://registry.invalid/probe"}},
				"storage": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}}},
			}},
		}
	}
	ssp := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "ssp.kubevirt.io/v1beta3",
		"kind":       "SSP",
		"metadata":   map[string]any{"name": "dicer-probe", "namespace": "default"},
		"spec": map[string]any{"commonTemplates": map[string]any{
			"namespace":               "default",
			"dataImportCronTemplates": []any{map[string]any{"metadata": metadata(), "spec": spec()}},
		}},
	}}
	hco := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "hco.kubevirt.io/v1",
		"kind":       "HyperConverged",
		"metadata":   map[string]any{"name": "dicer-probe", "namespace": "default"},
		"spec": map[string]any{"workloadSources": map[string]any{
			"dataImportCronTemplates": []any{map[string]any{"metadata": metadata(), "spec": spec()}},
		}},
	}}
	cron := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cdi.kubevirt.io/v1beta1",
		"kind":       "DataImportCron",
		"metadata":   metadata(),
		"spec":       spec(),
	}}
	return errors.Join(
		c.Client.Create(ctx, ssp, client.DryRunAll),
		c.Client.Create(ctx, hco, client.DryRunAll),
		c.Client.Create(ctx, cron, client.DryRunAll),
	)
}

// answered returns how many calls of each probed path w has answered.
func answered(ctx context.Context, w *Webhook) (map[string]int, error) {
	counts := map[string]int{}
	for _, path := range WebhookPaths {
		count, err := w.Requests(ctx, path)
		if err != nil {
			return nil, err
		}
		counts[path] = count
	}
	return counts, nil
}
