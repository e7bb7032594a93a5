package rulebook

import "strings"

const registry = `{registry: {url: "docker://quay.io/example/rhel10"}}`

// template is an item of dataImportCronTemplates.
type template struct {
	name, list, dataSource string
	// source is the registry's where it is empty; labels are none.
	source, labels string
}

func (t template) lines() []string {
	lines := []string{"- metadata:", "    name: " + t.name}
	if t.labels != "" {
		lines = append(lines, "    labels: "+t.labels)
	}
	if t.list != "" {
		lines = append(lines, "    annotations:", `      ssp.kubevirt.io/dict.architectures: "`+t.list+`"`)
	}
	return append(lines, spec(t.dataSource, t.source, "  ")...)
}

// spec is a DataImportCron's.
func spec(dataSource, source, indent string) []string {
	if source == "" {
		source = registry
	}
	lines := []string{"spec:", "  managedDataSource: " + dataSource, "  schedule: 0 0 * * 2", "  template: {spec: {source: " + source + "}}"}
	return indented(lines, indent)
}

func indented(lines []string, indent string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = indent + line
	}
	return out
}

// ssp is an SSP of templates, in a cluster with nodes of these architectures.
func ssp(nodes string, templates ...template) string {
	lines := []string{"apiVersion: ssp.kubevirt.io/v1beta3", "kind: SSP", "metadata:", "  name: ssp", "  namespace: kubevirt", "spec:"}
	if nodes != "" {
		lines = append(lines, "  cluster: {workloadArchitectures: ["+nodes+"]}")
	}
	lines = append(lines, "  commonTemplates:", "    namespace: kubevirt", "    dataImportCronTemplates:")
	for _, t := range templates {
		lines = append(lines, indented(t.lines(), "    ")...)
	}
	return text(lines)
}

// hyperConverged is a HyperConverged of one template.
func hyperConverged(t template) string {
	lines := []string{"apiVersion: hco.kubevirt.io/v1beta1", "kind: HyperConverged", "metadata:",
		"  name: kubevirt-hyperconverged", "  namespace: kubevirt-hyperconverged", "spec:", "  dataImportCronTemplates:"}
	return text(append(lines, indented(t.lines(), "  ")...))
}

// dataImportCron is one with these labels and annotations, in YAML.
func dataImportCron(name, labels, annotations, dataSource, source string) string {
	lines := []string{"apiVersion: cdi.kubevirt.io/v1beta1", "kind: DataImportCron", "metadata:", "  name: " + name, "  namespace: kubevirt-os-images"}
	if labels != "" {
		lines = append(lines, "  labels: "+labels)
	}
	if annotations != "" {
		lines = append(lines, "  annotations: "+annotations)
	}
	return text(append(lines, spec(dataSource, source, "")...))
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }
