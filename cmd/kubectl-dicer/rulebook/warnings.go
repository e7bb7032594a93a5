package rulebook

import (
	"strings"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// warnings are about what may be meant as it is.
func warnings() []Entry {
	return append(templateWarnings(), dataImportCronWarnings()...)
}

func templateWarnings() []Entry {
	const http = `{http: {url: "https://example.org/rhel10.qcow2"}}`
	return []Entry{
		{
			Rule: arch.RuleNoNodes, Severity: arch.Warning,
			Summary: "the list names an architecture that spec.cluster has no nodes of",
			Why:     "The image is imported for nobody.", Fix: "remove it from the list, or add nodes",
			Example: ssp("amd64", template{name: "rhel10", list: "amd64,s390x", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleNoRegistry, Severity: arch.Warning,
			Summary: "the source of a template with a list is not a registry",
			Why:     "There is no platform to ask for: every architecture imports the same bytes.", Fix: "use a registry source with a multi-architecture image",
			Example: ssp("", template{name: "rhel10", list: "amd64,arm64", dataSource: "rhel10", source: http}),
		},
		{
			Rule: arch.RuleBaseSuffix, Severity: arch.Warning,
			Summary: "managedDataSource ends in an architecture already",
			Why:     "It gets a suffix all the same: rhel10-amd64-amd64.", Fix: "leave the suffix out",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10-amd64"}),
		},
		{
			Rule: arch.RuleCronJobName, Severity: arch.Warning,
			Summary: "the name is too long for the CronJob that CDI makes",
			Why:     "Kubernetes stops at 52 characters, so the image would never be polled.", Fix: "shorten the template's name",
			Example: ssp("", template{name: strings.Repeat("x", 40), list: "amd64", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleOverridden, Severity: arch.Warning,
			Summary: "the template fixes what is set for each architecture of the list",
			Why:     "It is right for one of them and replaced for the others.", Fix: "remove it",
			Example: ssp("", template{name: "rhel10", list: "amd64,arm64", dataSource: "rhel10", labels: "{template.kubevirt.io/architecture: arm64}"}),
		},
		{
			Rule: arch.RuleMalformed, Severity: arch.Warning,
			Summary: "a field is of another type than the API says",
			Why:     "It cannot be judged; the API server's own schema refuses it.", Fix: "correct the field's type",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "[rhel10]"}),
		},
	}
}

func dataImportCronWarnings() []Entry {
	const arm64 = "{template.kubevirt.io/architecture: arm64}"
	return []Entry{
		{
			Rule: arch.RuleListOnDIC, Severity: arch.Warning,
			Summary: "a DataImportCron has a list of several architectures and no label",
			Why:     "One DataImportCron imports one image: the list has no effect.", Fix: "move the list to an SSP template, or declare one architecture",
			Example: dataImportCron("rhel10", "", `{ssp.kubevirt.io/dict.architectures: "amd64,arm64"}`, "rhel10", ""),
		},
		{
			Rule: arch.RuleListNamesMore, Severity: arch.Warning,
			Summary: "a DataImportCron's list names more than the architecture of its label",
			Why:     "The label decides, and the list is removed.", Fix: "remove the list",
			Example: dataImportCron("rhel10-arm64", arm64, `{ssp.kubevirt.io/dict.architectures: "amd64,arm64"}`, "rhel10", ""),
		},
		{
			Rule: arch.RuleNameWithoutSuffix, Severity: arch.Warning,
			Summary: "a DataImportCron's name does not end in its architecture",
			Why:     "The SSP operator's and dicer's do, and people look for it.", Fix: "add the suffix to the name",
			Example: dataImportCron("rhel10", arm64, "", "rhel10-arm64", ""),
		},
		{
			Rule: arch.RuleDataSourceRenamed, Severity: arch.Warning,
			Summary: "a DataImportCron's managedDataSource gets the suffix of its architecture",
			Why:     "What uses the DataSource by its name in the manifest does not find it.", Fix: "write the name with its suffix",
			Example: dataImportCron("rhel10-arm64", arm64, "", "rhel10", ""),
		},
		{
			Rule: arch.RuleIncomplete, Severity: arch.Warning,
			Summary: "a DataImportCron declares an architecture and will not be completed",
			Why:     "The SSP operator's own are never changed: it would delete and recreate them.", Fix: "complete it by hand, or remove the operator's label",
			Example: dataImportCron("rhel10-arm64", "{template.kubevirt.io/architecture: arm64, app.kubernetes.io/managed-by: ssp-operator}", "", "rhel10", ""),
		},
	}
}
