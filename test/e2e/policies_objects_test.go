package e2e

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// rejecting are the rules by which each kind can be rejected.
var rejecting = map[string][]arch.Rule{
	"DataImportCrons": {
		arch.RuleUnknownArchitecture, arch.RuleDuplicateArchitecture, arch.RuleEmptyItem, arch.RuleUnknownLabel, arch.RuleListContradiction,
		arch.RuleDataSourceSuffix, arch.RuleBaseLabel, arch.RuleDataSourceName, arch.RuleBaseLabelValue, arch.RulePlatform, arch.RuleName,
	},
	"SSPs": {
		arch.RuleUnknownArchitecture, arch.RuleDuplicateArchitecture, arch.RuleEmptyItem, arch.RuleName, arch.RuleDataSourceName, arch.RuleBaseLabelValue,
		arch.RulePlatform, arch.RuleArchitectureLabel, arch.RuleBaseLabel, arch.RuleNameCollision, arch.RuleDataSourceCollision,
	},
}

// oneRuleEach are DataImportCrons that are seldom or never generated.
func oneRuleEach() []*unstructured.Unstructured {
	labelled := labels(archKey, "arm64")
	return []*unstructured.Unstructured{
		dic("one-arm64", labelled+annotations(listKey, "arm64,arm64"), "one", registry),
		dic("one-arm64", labelled+annotations(listKey, "arm64,"), "one", registry),
		dic("one-arm64", annotations(listKey, "\u00a0arm64\u2003"), "one", registry),
		dic("one-arm64", annotations(listKey, "\u200barm64"), "one", registry),
		dic("one-arm64", labelled+annotations(listKey, "amd64"), "one", registry),
		dic("one-arm64", labelled, "", registry),
		dic("one-arm64", labelled, "-arm64", registry),
		dic("one-arm64", labelled, "_one", registry),
		dic("one-arm64", labelled, "one_", registry),
		dic("one-arm64", labelled, strings.Repeat("ö", 30), registry),
		dic("one-arm64", labelled, strings.Repeat("o", 58), registry),
		dic(strings.Repeat("n", 58)+"-arm64", labelled, "one", registry),
	}
}

// oneRuleEachOfSSPs are the same of SSPs.
func oneRuleEachOfSSPs() []*unstructured.Unstructured {
	const upper = "One"
	return []*unstructured.Unstructured{
		ssp("one", template("one", "amd64,amd64", "one", "")),
		ssp("one", template("one", "amd64,", "one", "")),
		ssp("one", template(upper, "amd64", "one", "")),
		ssp("one", template(strings.Repeat("n", 58), "amd64", "one", "")),
		ssp("one", template("one", "amd64", upper, "")),
		// A legal name with its suffix, and no legal label value without it.
		ssp("one", template("one", "amd64", "", "")),
		ssp("one", template("one", "amd64", "one-", "")),
		ssp("one", template("one", "amd64", "one", labels(archKey, "arm64"))),
		ssp("one", template("one", "amd64", "one", labels(baseKey, "two"))),
		ssp("one", templateOf("one", "amd64", spec("one", registryOf("arm64")), "")),
		ssp("one", template("one", "amd64", "one", ""), template("one-amd64", "", "two", "")),
		ssp("one", template("one", "amd64", "one", ""), template("two", "", "one", "")),
		ssp("one", template("one", "amd64", "one", ""), template("two", "arm64", "one", "")),
	}
}

// errorsOf are those by which the webhook rejects an object.
func errorsOf(t *testing.T, obj *unstructured.Unstructured) []arch.Rule {
	t.Helper()
	var findings arch.Findings
	if obj.GetKind() == "SSP" {
		findings = findingsOf(t, obj)
	} else {
		view, _ := viewOf(t, obj)
		findings = new(arch.Rules).Declaration(&view).Findings
	}
	var rules []arch.Rule
	for _, f := range findings.Of(arch.Error) {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}
