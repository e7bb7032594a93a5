package rulebook

import (
	"strings"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// listRules are about the list itself.
func listRules() []Entry {
	const why = "The SSP operator drops what it does not know, and says so nowhere: the image is not imported."
	return []Entry{
		{
			Rule: arch.RuleUnknownArchitecture, Severity: arch.Error,
			Summary: "an item of the list is not an accepted architecture",
			Why:     why, Fix: "write one of the accepted architectures, as in GOARCH",
			Example: ssp("", template{name: "rhel10", list: "amd64,arn64", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleDuplicateArchitecture, Severity: arch.Error,
			Summary: "the list names an architecture twice",
			Why:     "One of them was probably meant to be another.", Fix: "list each architecture once",
			Example: ssp("", template{name: "rhel10", list: "amd64,amd64", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleEmptyItem, Severity: arch.Error,
			Summary: "an item of the list is empty",
			Why:     "The list does not say what its author meant; one of spaces alone imports nothing.", Fix: "remove the extra comma",
			Example: ssp("", template{name: "rhel10", list: "amd64,,arm64", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleSpacedItem, Severity: arch.Error,
			Summary: "white space around an item of a HyperConverged's list",
			Why:     "HCO does not trim items: it loses that one.", Fix: "remove the white space",
			Example: hyperConverged(template{name: "rhel10", list: "amd64, arm64", dataSource: "rhel10"}),
		},
	}
}

// nameRules are about the names that templates and architectures make.
func nameRules() []Entry {
	long := strings.Repeat("x", 60)
	return []Entry{
		{
			Rule: arch.RuleName, Severity: arch.Error,
			Summary: "a DataImportCron's name would not be legal",
			Why:     "CDI refuses names over 63 characters, Kubernetes those that are no DNS subdomain, long after the template was accepted.",
			Fix:     "shorten the name so that it fits with its suffix, or use legal characters",
			Example: ssp("", template{name: long, list: "amd64", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleDataSourceName, Severity: arch.Error,
			Summary: "a managed DataSource's name would not be legal, or is missing",
			Why:     "CDI refuses it long after the template was accepted.",
			Fix:     "name a DataSource that with its suffix has at most 63 legal characters",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: long}),
		},
		{
			Rule: arch.RuleNameCollision, Severity: arch.Error,
			Summary: "two templates make one DataImportCron",
			Why:     "The SSP operator keeps the last, silently.", Fix: "rename one of the two templates",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10"}, template{name: "rhel10-amd64", dataSource: "other"}),
		},
		{
			Rule: arch.RuleDataSourceCollision, Severity: arch.Error,
			Summary: "two templates need one DataSource",
			Why:     "Two images would take turns behind it. A template with a list needs the DataSource with the plain name too.",
			Fix:     "give one of the two another managedDataSource",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10"}, template{name: "other", dataSource: "rhel10"}),
		},
		{
			Rule: arch.RuleBaseLabelValue, Severity: arch.Error,
			Summary: "managedDataSource is no legal value of the base label",
			Why:     "The label " + arch.BaseLabel + " gets it, and the API server refuses the DataImportCron.",
			Fix:     "use letters, digits, '-', '_' and '.', with a letter or digit at both ends",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10-"}),
		},
		{
			Rule: arch.RuleNoSource, Severity: arch.Error,
			Summary: "a template names no source to import from; told by expand alone",
			Why:     "CDI refuses a DataImportCron without a source.", Fix: "set spec.template.spec.source.registry",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10", source: "{}"}),
		},
	}
}

// contradictions are about what says one thing here and another there.
func contradictions() []Entry {
	return []Entry{
		{
			Rule: arch.RulePlatform, Severity: arch.Error,
			Summary: "a platform contradicts the list or the declared architecture",
			Why:     "It would be overwritten, or another architecture's image imported.", Fix: "remove the platform; the list or label sets it",
			Example: ssp("", template{name: "rhel10", list: "amd64,arm64", dataSource: "rhel10",
				source: `{registry: {url: "docker://quay.io/example/rhel10", platform: {architecture: s390x}}}`}),
		},
		{
			Rule: arch.RuleArchitectureLabel, Severity: arch.Error,
			Summary: "a template's architecture label contradicts its list",
			Why:     "It would be overwritten.", Fix: "remove the label; the list sets it",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10", labels: "{template.kubevirt.io/architecture: arm64}"}),
		},
		{
			Rule: arch.RuleBaseLabel, Severity: arch.Error,
			Summary: "the base label does not fit managedDataSource",
			Why:     "Templates of virtual machines find the DataSource by it.", Fix: "remove the label; it is set from managedDataSource",
			Example: ssp("", template{name: "rhel10", list: "amd64", dataSource: "rhel10", labels: "{cdi.kubevirt.io/storage.import.datasource-name: fedora}"}),
		},
		{
			Rule: arch.RuleUnknownLabel, Severity: arch.Error,
			Summary: "a DataImportCron's architecture label is not an accepted architecture",
			Why:     "It declares what no node can run.", Fix: "write one of the accepted architectures, as in GOARCH",
			Example: dataImportCron("rhel10-aarch64", "{template.kubevirt.io/architecture: aarch64}", "", "rhel10", ""),
		},
		{
			Rule: arch.RuleListContradiction, Severity: arch.Error,
			Summary: "a DataImportCron's label names an architecture that its list has not",
			Why:     "The two declare different architectures.", Fix: "remove the list; the label says it",
			Example: dataImportCron("rhel10-arm64", "{template.kubevirt.io/architecture: arm64}", "{ssp.kubevirt.io/dict.architectures: amd64}", "rhel10", ""),
		},
		{
			Rule: arch.RuleDataSourceSuffix, Severity: arch.Error,
			Summary: "a DataImportCron's managedDataSource ends in another architecture than it declares",
			Why:     "Another architecture's image would land behind that DataSource.", Fix: "correct the suffix, or leave it out",
			Example: dataImportCron("rhel10-arm64", "{template.kubevirt.io/architecture: arm64}", "", "rhel10-amd64", ""),
		},
	}
}
