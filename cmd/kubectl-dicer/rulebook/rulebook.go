package rulebook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// Entry explains a rule.
type Entry struct {
	Rule arch.Rule `json:"rule"`
	// Severity is the most that a finding of the rule can be.
	Severity arch.Severity `json:"severity"`
	// Summary says in a sentence what is found, and Why why it is.
	Summary string `json:"summary"`
	Why     string `json:"why"`
	// Fix says what to do.
	Fix string `json:"fix"`
	// Example is an object, in YAML, that the rule finds something in.
	Example string `json:"example"`
}

// All returns an entry for each rule: those that reject first.
func All() []Entry { return slices.Concat(listRules(), nameRules(), contradictions(), warnings()) }

// Find returns the entry of a rule. An error names those that there are.
func Find(rule arch.Rule) (Entry, error) {
	var names []string
	for _, e := range All() {
		if e.Rule == rule {
			return e, nil
		}
		names = append(names, string(e.Rule))
	}
	return Entry{}, fmt.Errorf("rule %q is unknown; accepted: %s", rule, strings.Join(names, ", "))
}

// Suggestion says what to do about a finding.
func Suggestion(f arch.Finding) string {
	if f.Suggestion != "" {
		return fmt.Sprintf("write %q", f.Suggestion)
	}
	e, err := Find(f.Rule)
	if err != nil {
		return ""
	}
	return e.Fix
}
