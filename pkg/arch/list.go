package arch

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// An annotation may hold 100,000 mistakes. maxSuggestions bounds how many of a
// list are helped with, maxListFindings how many are told.
const (
	maxSuggestions  = 64
	maxListFindings = 1000
)

// ParseList reads the list annotation. It returns the valid architectures in
// their order, each once, and every finding: an item that is not accepted, one
// listed twice, an empty one. The empty string is no list: nothing is returned.
// The items beside findings are usable: a caller that may not reject (fan-out)
// goes on with them.
func ParseList(value string, accepted Architectures, path *field.Path) ([]Arch, Findings) {
	if value == "" {
		return nil, nil
	}
	items := splitList(value)
	list := make([]Arch, 0, min(len(items), len(accepted)))
	var findings Findings
	report := func(rule Rule, t field.ErrorType, item, text string) {
		if len(findings) == maxListFindings {
			return
		}
		f := Finding{Rule: rule, Severity: Error, Type: t, Path: path, Value: item, Text: text}
		if rule == RuleUnknownArchitecture && len(findings) < maxSuggestions {
			f.suggest(accepted)
		}
		findings = append(findings, f)
	}
	count := make(map[string]int, len(accepted))
	for _, item := range items {
		count[item]++
		switch a := Arch(item); {
		case count[item] > 1:
		case item == "":
			report(RuleEmptyItem, field.ErrorTypeInvalid, item, emptyText(value, items, accepted))
		case accepted.Has(a):
			list = append(list, a)
		case len(findings) < maxListFindings:
			report(RuleUnknownArchitecture, field.ErrorTypeNotSupported, item, notOneOf(accepted))
		}
	}
	for _, item := range items {
		if item != "" && count[item] > 1 {
			report(RuleDuplicateArchitecture, field.ErrorTypeDuplicate, item, fmt.Sprintf("listed %d times; list it once", count[item]))
			count[item] = 0
		}
	}
	return list, findings
}

func notOneOf(accepted Architectures) string { return "not one of " + accepted.String() }

// splitList returns the trimmed items of a list that is not empty.
func splitList(value string) []string {
	items := strings.Split(value, ",")
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	return items
}

// spacedItems finds white space around the items of a list. An item of nothing else
// is empty, which ParseList finds.
func spacedItems(value string, path *field.Path) Findings {
	var findings Findings
	for _, item := range strings.Split(value, ",") {
		trimmed := strings.TrimSpace(item)
		if trimmed == "" || trimmed == item || len(findings) == maxListFindings {
			continue
		}
		f := newError(RuleSpacedItem, field.ErrorTypeInvalid, path, item,
			"white space around an item, for which HCO loses it; want %q", shorten(trimmed))
		f.Suggestion = trimmed
		findings = append(findings, f)
	}
	return findings
}

func emptyText(value string, items []string, accepted Architectures) string {
	var empty []string
	for i, item := range items {
		if item == "" {
			empty = append(empty, fmt.Sprint(i+1))
		}
	}
	if len(empty) == len(items) {
		return fmt.Sprintf("%q names no architecture; accepted: %s", shorten(value), accepted)
	}
	if len(empty) > 5 {
		empty = append(empty[:5], "...")
	}
	return fmt.Sprintf("item %s of %q is empty; remove the extra comma", strings.Join(empty, ", "), shorten(value))
}

// suggest adds what the value of a finding was most likely meant to be.
func (f *Finding) suggest(accepted Architectures) {
	if a, ok := suggest(f.Value, accepted); ok {
		f.Suggestion = string(a)
		f.Text += fmt.Sprintf("; did you mean %q?", f.Suggestion)
	}
}
