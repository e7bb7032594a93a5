package e2e

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	listKey = "ssp.kubevirt.io/dict.architectures"
	archKey = "template.kubevirt.io/architecture"
	baseKey = "cdi.kubevirt.io/storage.import.datasource-name"
)

// spec writes a DataImportCron spec that CDI's schema accepts.
func spec(dataSource, source string) string {
	return fmt.Sprintf(`{managedDataSource: %q, schedule: "4 8/12 * * *", template: {spec: {source: {%s}, storage: {resources: {requests: {storage: 30Gi}}}}}}`,
		dataSource, source)
}

const registry = "registry: {imageStream: rhel10-guest, pullMethod: node}"

// template writes a template; more adds to its metadata.
func template(name, list, dataSource, more string) string {
	return templateOf(name, list, spec(dataSource, registry), more)
}

func templateOf(name, list, spec, more string) string {
	annotations := ""
	if list != "" {
		annotations = fmt.Sprintf("annotations: {%s: %q}, ", listKey, list)
	}
	return fmt.Sprintf("{metadata: {%sname: %q%s}, spec: %s}", annotations, name, more, spec)
}

// ssp makes an SSP of templates.
func ssp(name string, templates ...string) *unstructured.Unstructured {
	return parse(fmt.Sprintf(`
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: %q, namespace: %s}
spec: {commonTemplates: {namespace: kubevirt, dataImportCronTemplates: [%s]}}`, name, sspNamespace, strings.Join(templates, ", ")))
}

// hco makes a HyperConverged of templates, in one of its versions.
func hco(version, name string, templates ...string) *unstructured.Unstructured {
	spec := fmt.Sprintf("{dataImportCronTemplates: [%s]}", strings.Join(templates, ", "))
	if version == "v1" {
		spec = fmt.Sprintf("{workloadSources: %s}", spec)
	}
	return parse(fmt.Sprintf(`
apiVersion: hco.kubevirt.io/%s
kind: HyperConverged
metadata: {name: %q, namespace: %s}
spec: %s`, version, name, sspNamespace, spec))
}

// dic makes a DataImportCron; metadata adds to its metadata.
func dic(name, metadata, dataSource, source string) *unstructured.Unstructured {
	return parse(fmt.Sprintf(`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: %q, namespace: %s%s}
spec: %s`, name, golden, metadata, spec(dataSource, source)))
}

func labels(pairs ...string) string { return field("labels", pairs) }

func annotations(pairs ...string) string { return field("annotations", pairs) }

func field(name string, pairs []string) string {
	var items []string
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, fmt.Sprintf("%s: %q", pairs[i], pairs[i+1]))
	}
	return fmt.Sprintf(", %s: {%s}", name, strings.Join(items, ", "))
}

func registryOf(architecture string) string {
	return fmt.Sprintf("registry: {imageStream: rhel10-guest, pullMethod: node, platform: {architecture: %q}}", architecture)
}

// complete makes a DataImportCron as fan-out and the SSP operator do.
func complete(name, base, architecture string) *unstructured.Unstructured {
	return dic(name, labels(archKey, architecture, baseKey, base), base+"-"+architecture, registryOf(architecture))
}
