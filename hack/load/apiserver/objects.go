package apiserver

import (
	"fmt"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// cron is a DataImportCron as a pipeline writes it.
func cron(name, dataSource string, labels, annotations, platform map[string]any) map[string]any {
	metadata := map[string]any{"name": name, "namespace": cronNamespace}
	if labels != nil {
		metadata["labels"] = labels
	}
	if annotations != nil {
		metadata["annotations"] = annotations
	}
	registry := map[string]any{"url": "docker://registry.example.com/os/rhel10:latest", "pullMethod": "node"}
	if platform != nil {
		registry["platform"] = platform
	}
	return map[string]any{
		"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataImportCron",
		"metadata": metadata, "spec": spec(dataSource, registry),
	}
}

func spec(dataSource string, registry map[string]any) map[string]any {
	return map[string]any{
		"garbageCollect":    "Outdated",
		"importsToKeep":     int64(3),
		"managedDataSource": dataSource,
		"schedule":          "12 3 * * *",
		"template": map[string]any{"spec": map[string]any{
			"source": map[string]any{"registry": registry},
			"storage": map[string]any{
				"accessModes": []any{"ReadWriteMany"},
				"resources":   map[string]any{"requests": map[string]any{"storage": "30Gi"}},
			},
		}},
	}
}

func complete(n int) map[string]any {
	return cron(suffixed(n), "rhel10-"+settled, map[string]any{
		arch.ArchitectureLabel: settled, arch.BaseLabel: "rhel10", "instancetype.kubevirt.io/default-preference": "rhel.10",
	}, nil, map[string]any{"architecture": settled})
}

func undeclared(n int) map[string]any {
	return cron(fmt.Sprintf("load-%d", n), "rhel10", map[string]any{"instancetype.kubevirt.io/default-preference": "rhel.10"}, nil, nil)
}

// incomplete has the shapes that people write, one after the other.
func incomplete(n int) map[string]any {
	label := map[string]any{arch.ArchitectureLabel: settled}
	list := map[string]any{arch.ListAnnotation: settled}
	switch n % 5 {
	case 0:
		return cron(suffixed(n), "rhel10", label, nil, nil)
	case 1:
		return cron(suffixed(n), "rhel10", nil, list, nil)
	case 2:
		label[arch.BaseLabel] = "rhel10"
		return cron(suffixed(n), "rhel10", label, nil, map[string]any{})
	case 3:
		return cron(suffixed(n), "rhel10-"+settled, label, nil, nil)
	default:
		other := map[string]any{"instancetype.kubevirt.io/default-preference": "rhel.10"}
		return cron(suffixed(n), "rhel10", other, list, map[string]any{"architecture": settled})
	}
}

func suffixed(n int) string { return fmt.Sprintf("load-%d-%s", n, settled) }

// templates are as many as a release of HCO has, about.
const templates = 12

const templateSchedule = "/spec/commonTemplates/dataImportCronTemplates/0/spec/schedule"

func sspName(caller int) string { return fmt.Sprintf("load-%d", caller) }

// ssp is the one that a caller has.
func ssp(caller int) map[string]any {
	var list []any
	for i := range templates {
		name := fmt.Sprintf("os-%d", i)
		list = append(list, map[string]any{
			"metadata": map[string]any{"name": name, "annotations": map[string]any{arch.ListAnnotation: "amd64,arm64"}},
			"spec":     spec(name, map[string]any{"url": "docker://registry.example.com/os/" + name, "pullMethod": "node"}),
		})
	}
	return map[string]any{
		"apiVersion": "ssp.kubevirt.io/v1beta3", "kind": "SSP",
		"metadata": map[string]any{"name": sspName(caller), "namespace": sspNamespace, "labels": map[string]any{"load": "0"}},
		"spec": map[string]any{
			"enableMultipleArchitectures": true,
			"commonTemplates":             map[string]any{"namespace": cronNamespace, "dataImportCronTemplates": list},
		},
	}
}
