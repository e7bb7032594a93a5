package rulebook

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/expand"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// rulesOf reads the constants of type Rule in pkg/arch.
func rulesOf(t *testing.T) []arch.Rule {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../pkg/arch/finding.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var rules []arch.Rule
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Rule" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, arch.Rule(value))
		}
		return true
	})
	return rules
}

func TestEveryRuleIsExplainedOnce(t *testing.T) {
	var explained []arch.Rule
	for _, e := range All() {
		explained = append(explained, e.Rule)
		if e.Summary == "" || e.Why == "" || e.Fix == "" {
			t.Errorf("%s: something is missing in %+v", e.Rule, e)
		}
	}
	rules := rulesOf(t)
	slices.Sort(rules)
	slices.Sort(explained)
	if len(rules) < 20 || !slices.Equal(rules, explained) {
		t.Errorf("pkg/arch has %v, explained are %v", rules, explained)
	}
}

func TestTheRuleFindsSomethingInItsExample(t *testing.T) {
	for _, e := range All() {
		objects, err := manifest.Read(string(e.Rule), []byte(e.Example))
		if err != nil || len(objects) != 1 {
			t.Fatalf("%s: %d objects, %v", e.Rule, len(objects), err)
		}
		policy := &admission.Policy{}
		findings, judged, err := policy.Created(objects[0].Kind, objects[0].JSON)
		if err != nil || !judged {
			t.Fatalf("%s: judged %v, %v", e.Rule, judged, err)
		}
		if e.Rule == arch.RuleNoSource {
			expansion, err := expand.Object(policy, objects[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			findings = expansion.Findings
		}
		found := slices.IndexFunc(findings, func(f arch.Finding) bool { return f.Rule == e.Rule })
		if found < 0 || findings[found].Severity != e.Severity {
			t.Errorf("%s: found %v in\n%s", e.Rule, findings, e.Example)
		}
	}
}

func TestTheSuggestionIsTheValueWhereOneIsLikely(t *testing.T) {
	for want, f := range map[string]arch.Finding{
		`write "arm64"`:          {Rule: arch.RuleUnknownArchitecture, Suggestion: "arm64"},
		"remove the extra comma": {Rule: arch.RuleEmptyItem},
		"write one of the accepted architectures, as in GOARCH": {Rule: arch.RuleUnknownArchitecture},
	} {
		if got := Suggestion(f); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}
