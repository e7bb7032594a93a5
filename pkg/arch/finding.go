package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Rule names what a finding is about, in kebab case.
type Rule string

// The rules that reject.
const (
	RuleUnknownArchitecture   Rule = "unknown-architecture"
	RuleUnknownLabel          Rule = "unknown-architecture-label"
	RuleDuplicateArchitecture Rule = "duplicate-architecture"
	RuleEmptyItem             Rule = "empty-item"
	RuleSpacedItem            Rule = "spaced-item"
	RuleName                  Rule = "name"
	RuleDataSourceName        Rule = "datasource-name"
	RuleNameCollision         Rule = "name-collision"
	RuleDataSourceCollision   Rule = "datasource-collision"
	RulePlatform              Rule = "platform-contradiction"
	RuleArchitectureLabel     Rule = "architecture-label-contradiction"
	RuleBaseLabel             Rule = "base-label-contradiction"
	RuleBaseLabelValue        Rule = "base-label-value"
	RuleDataSourceSuffix      Rule = "datasource-suffix-contradiction"
	RuleListContradiction     Rule = "list-contradiction"
)

// The rules of what a template makes, where nothing can be rejected any more.
const (
	RuleNoSource Rule = "no-source"
)

// The rules that only warn.
const (
	RuleMalformed         Rule = "malformed"
	RuleNoNodes           Rule = "no-nodes"
	RuleNoRegistry        Rule = "no-registry"
	RuleBaseSuffix        Rule = "base-suffix"
	RuleCronJobName       Rule = "cronjob-name"
	RuleOverridden        Rule = "overridden"
	RuleListOnDIC         Rule = "list-on-dataimportcron"
	RuleNameWithoutSuffix Rule = "name-without-suffix"
	RuleDataSourceRenamed Rule = "datasource-renamed"
	RuleIncomplete        Rule = "incomplete"
	RuleListNamesMore     Rule = "list-names-more"
)

// Severity tells an error, which rejects, from a warning.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Subject is the template or DataImportCron that a finding is about.
type Subject struct {
	// Kind is "template" or "DataImportCron".
	Kind string
	// Namespace is set where it is not the default one.
	Namespace string
	Name      string
}

// String names the subject in a sentence: template "rhel10".
func (s Subject) String() string {
	if s.Kind == "" {
		return ""
	}
	name := s.Name
	if s.Namespace != "" {
		name = s.Namespace + "/" + name
	}
	return fmt.Sprintf("%s %q", s.Kind, shorten(name))
}

// Finding is one thing that a rule has to say about an object.
type Finding struct {
	Rule     Rule
	Severity Severity
	// Subject is what is at fault; Other the second one of a collision.
	Subject, Other Subject
	// Type is the reason of the cause in a rejection.
	Type field.ErrorType
	// Path leads to the field at fault, from the object's root.
	Path *field.Path
	// Value is the value at fault, whole.
	Value string
	// Text says what is wrong and what would be right, without the subject,
	// the field and the value.
	Text string
	// Suggestion is the value that was most likely meant, "arm64"; empty where none
	// is likelier than others. Text tells it too.
	Suggestion string
}

// FieldError gives the finding as Kubernetes reports it. Origin is the rule.
func (f Finding) FieldError() *field.Error {
	detail := f.Text
	if s := f.Subject.String(); s != "" {
		detail = s + ": " + detail
	}
	e := &field.Error{Type: f.Type, BadValue: shorten(f.Value), Detail: detail, Origin: string(f.Rule)}
	if f.Path != nil {
		e.Field = f.Path.String()
	}
	return e
}

// Message gives the finding in one short line, as a warning shows it.
func (f Finding) Message() string {
	var b strings.Builder
	if s := f.Subject.String(); s != "" {
		b.WriteString(s + ": ")
	}
	if name := leaf(f.Path); name != "" {
		b.WriteString(name + ": ")
	}
	if value := fmt.Sprintf("%q", shorten(f.Value)); f.Value != "" && f.Value != f.Subject.Name && !strings.Contains(f.Text, value) {
		b.WriteString(value + ": ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// Findings is what the rules have to say about one object.
type Findings []Finding

// Errors returns the findings that reject, as Kubernetes reports them.
func (fs Findings) Errors() field.ErrorList {
	var errs field.ErrorList
	for _, f := range fs.Of(Error) {
		errs = append(errs, f.FieldError())
	}
	return errs
}

// Of returns the findings of a severity.
func (fs Findings) Of(s Severity) Findings {
	var out Findings
	for _, f := range fs {
		if f.Severity == s {
			out = append(out, f)
		}
	}
	return out
}

// HasErrors tells whether a finding rejects.
func (fs Findings) HasErrors() bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == Error })
}

// about sets the subject of findings that were made without one.
func (fs Findings) about(s Subject) Findings {
	for i := range fs {
		fs[i].Subject = s
	}
	return fs
}

// AsWarnings returns the same findings with no error among them: for objects
// that must never be rejected.
func (fs Findings) AsWarnings() Findings {
	out := make(Findings, len(fs))
	for i, f := range fs {
		f.Severity = Warning
		out[i] = f
	}
	return out
}

// longPrefixes start the keys of labels and annotations that would fill half of
// a warning.
var longPrefixes = []string{"ssp.kubevirt.io/", "template.kubevirt.io/", "cdi.kubevirt.io/storage.import."}

// leaf is the last element of a path: the key in brackets or the field's name, an
// item's with its index.
func leaf(p *field.Path) string {
	if p == nil {
		return ""
	}
	s := p.String()
	if strings.HasSuffix(s, "]") {
		if i := strings.LastIndexByte(s, '['); i >= 0 {
			key := s[i+1 : len(s)-1]
			if _, err := strconv.Atoi(key); err == nil { // alone it names nothing
				return s[strings.LastIndexByte(s[:i], '.')+1:]
			}
			for _, prefix := range longPrefixes {
				key = strings.TrimPrefix(key, prefix)
			}
			return key
		}
	}
	if strings.HasSuffix(s, ".platform.architecture") {
		return "platform.architecture" // there is a label of the short name
	}
	return s[strings.LastIndexByte(s, '.')+1:]
}

// maxShown bounds how much of a user's value a message repeats: an annotation
// may hold 256 KiB.
const maxShown = 80

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
