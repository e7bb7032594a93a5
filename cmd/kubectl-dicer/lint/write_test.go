package lint

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/pkg/arch"
)

var mixed = Report{
	Findings: []Finding{
		{File: "a b%,:.yaml", Line: 1, Column: 2, Severity: arch.Error, Rule: arch.RuleName, Object: "SSP/ssp", Field: "a.error b", Message: "100 %\nof it", Suggestion: "fix it"},
		{File: "c", Line: 10, Column: 20, Severity: arch.Warning, Rule: arch.RuleNoNodes, Object: "SSP/ssp", Field: "b", Message: "m", Suggestion: "s"},
	},
	Errors: 1, Warnings: 1, Objects: 1,
}

func TestColorsDoNotDisturbTheAlignment(t *testing.T) {
	want := "a b%,:.yaml:1:2   \x1b[31merror\x1b[0m     name       a.error b\n    100 %\nof it\n    fix: fix it\n" +
		"c:10:20           \x1b[33mwarning\x1b[0m   no-nodes   b\n    m\n    fix: s\n1 error, 1 warning in 1 object\n"
	var out bytes.Buffer
	if err := mixed.Write(&out, "text", true); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAFilesNameIsOneCell has names that would end a line, or look like a severity.
func TestAFilesNameIsOneCell(t *testing.T) {
	r := Report{Findings: []Finding{
		{File: "a\nb\f.yaml", Line: 1, Column: 1, Severity: arch.Error, Rule: arch.RuleName, Field: "f", Message: "m", Suggestion: "s"},
		{File: " error .yaml", Line: 1, Column: 1, Severity: arch.Error, Rule: arch.RuleName, Field: "f", Message: "m", Suggestion: "s"},
	}}
	var out bytes.Buffer
	if err := r.Write(&out, "text", true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\"a\\nb\\f.yaml\":1:1   \x1b[31merror\x1b[0m", " error .yaml:1:1    \x1b[31merror\x1b[0m"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, out.String())
		}
	}
}

// TestGitHubsCommandsAreEscaped has what would end a command's property or text.
func TestGitHubsCommandsAreEscaped(t *testing.T) {
	want := "::error file=a b%25%2C%3A.yaml,line=1,col=2,title=name::a.error b: 100 %25%0Aof it (fix: fix it)\n" +
		"::warning file=c,line=10,col=20,title=no-nodes::b: m (fix: s)\n"
	var out bytes.Buffer
	if err := mixed.Write(&out, "github", false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoFindingIsNoNull(t *testing.T) {
	for format, want := range map[string]string{
		"text":   "0 errors, 0 warnings in 0 objects\n",
		"json":   "{\n  \"findings\": [],\n  \"errors\": 0,\n  \"warnings\": 0,\n  \"objects\": 0\n}\n",
		"github": "",
	} {
		var out bytes.Buffer
		if err := new(Report).Write(&out, format, false); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v; want %q", format, out.String(), err, want)
		}
	}
}

func TestSARIFPointsToTheRule(t *testing.T) {
	var out bytes.Buffer
	if err := mixed.Write(&out, "sarif", false); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(out.Bytes(), &log); err != nil || len(log.Runs) != 1 || len(log.Runs[0].Results) != 2 {
		t.Fatalf("%v in %s", err, out.String())
	}
	run := log.Runs[0]
	for i, r := range run.Results {
		rule := run.Tool.Driver.Rules[r.RuleIndex]
		if rule.ID != r.RuleID || r.RuleID != string(mixed.Findings[i].Rule) || rule.DefaultConfiguration.Level != r.Level {
			t.Errorf("result %+v points to rule %+v", r, rule)
		}
		at := r.Locations[0].PhysicalLocation
		if at.Region.StartLine != mixed.Findings[i].Line || at.Region.StartColumn != mixed.Findings[i].Column {
			t.Errorf("result %+v is at %+v", r, at)
		}
	}
	if uri := run.Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "./a%20b%25,:.yaml" {
		t.Errorf("the file's URI is %s", uri)
	}
}
