package review

import (
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dataImportCron is one with annotations of a build pipeline, which kubectl's
// copy and managedFields name again: that is what makes real objects large.
// Without any, it is what a person creates.
func dataImportCron(annotations int) (admissionv1.AdmissionRequest, error) {
	noted := map[string]any{"ssp.kubevirt.io/dict.architectures": "arm64"}
	for i := range annotations {
		noted[fmt.Sprintf("pipeline.example.com/layer-%04d", i)] = digest(i)
	}
	labels := map[string]any{"instancetype.kubevirt.io/default-preference": "rhel.10"}
	manifest := map[string]any{
		"apiVersion": "cdi.kubevirt.io/v1beta1",
		"kind":       "DataImportCron",
		"metadata": map[string]any{
			"name":        "rhel10-image-cron-arm64",
			"namespace":   "kubevirt-os-images",
			"annotations": noted,
			"labels":      labels,
		},
		"spec": cronSpec("rhel10"),
	}
	user := administrator
	if annotations > 0 {
		user = pipeline
		noted["cdi.kubevirt.io/storage.bind.immediate.requested"] = "true"
		labels["app.kubernetes.io/name"] = "golden-images"
		if err := applied(manifest); err != nil {
			return admissionv1.AdmissionRequest{}, err
		}
	}
	kind := metav1.GroupVersionKind{Group: "cdi.kubevirt.io", Version: "v1beta1", Kind: "DataImportCron"}
	return creation(user, kind, "dataimportcrons", stored(manifest))
}

// ssp is one with templates for two architectures.
func ssp(templates int) (admissionv1.AdmissionRequest, error) {
	var list []any
	for i := range templates {
		list = append(list, map[string]any{
			"metadata": map[string]any{
				"name":        fmt.Sprintf("os-%05d-image-cron", i),
				"annotations": map[string]any{"ssp.kubevirt.io/dict.architectures": "amd64,arm64", "cdi.kubevirt.io/storage.bind.immediate.requested": "true"},
				"labels":      map[string]any{"instancetype.kubevirt.io/default-preference": "rhel.10"},
			},
			"spec": cronSpec(fmt.Sprintf("os-%05d", i)),
		})
	}
	kind := metav1.GroupVersionKind{Group: "ssp.kubevirt.io", Version: "v1beta3", Kind: "SSP"}
	return creation(administrator, kind, "ssps", stored(map[string]any{
		"apiVersion": "ssp.kubevirt.io/v1beta3",
		"kind":       "SSP",
		"metadata":   map[string]any{"name": "ssp", "namespace": "kubevirt", "annotations": map[string]any{}, "labels": map[string]any{}},
		"spec": map[string]any{
			"commonTemplates":             map[string]any{"namespace": "kubevirt-os-images", "dataImportCronTemplates": list},
			"enableMultipleArchitectures": true,
		},
	}))
}

func cronSpec(dataSource string) map[string]any {
	return map[string]any{
		"garbageCollect":    "Outdated",
		"importsToKeep":     3,
		"managedDataSource": dataSource,
		"schedule":          "12 3 * * *",
		"template": map[string]any{
			"metadata": map[string]any{},
			"spec": map[string]any{
				"source": map[string]any{"registry": map[string]any{
					"url": "docker://registry.example.com/os/" + dataSource + ":latest", "pullMethod": "node",
				}},
				"storage": map[string]any{
					"accessModes": []any{"ReadWriteMany"},
					"resources":   map[string]any{"requests": map[string]any{"storage": "30Gi"}},
				},
			},
		},
	}
}
