package arch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestParseList(t *testing.T) {
	for name, tc := range map[string]struct {
		value    string
		want     []Arch
		findings []string
	}{
		"the empty string is no list":       {value: ""},
		"one architecture":                  {value: "arm64", want: []Arch{"arm64"}},
		"several keep their order":          {value: "s390x,amd64", want: []Arch{"s390x", "amd64"}},
		"items are trimmed":                 {value: "\tamd64 ,\n arm64\u00a0", want: []Arch{"amd64", "arm64"}},
		"an unknown item is named":          {value: "amd64,mips", want: []Arch{"amd64"}, findings: []string{`unknown-architecture "mips"`}},
		"letter case counts":                {value: "AMD64", findings: []string{`unknown-architecture "AMD64"`}},
		"a duplicate is named once":         {value: "arm64, arm64,arm64", want: []Arch{"arm64"}, findings: []string{`duplicate-architecture "arm64"`}},
		"a doubled unknown item is both":    {value: "x,x", findings: []string{`unknown-architecture "x"`, `duplicate-architecture "x"`}},
		"an empty item between others":      {value: "amd64,,arm64", want: []Arch{"amd64", "arm64"}, findings: []string{`empty-item ""`}},
		"a trailing comma":                  {value: "amd64,", want: []Arch{"amd64"}, findings: []string{`empty-item ""`}},
		"a lone comma":                      {value: ",", findings: []string{`empty-item ""`}},
		"a list of spaces only":             {value: "  ", findings: []string{`empty-item ""`}},
		"every finding is told, not one":    {value: "arn64,,amd64,amd64", want: []Arch{"amd64"}, findings: []string{`unknown-architecture "arn64"`, `empty-item ""`, `duplicate-architecture "amd64"`}},
		"a platform is not an architecture": {value: "linux/amd64", findings: []string{`unknown-architecture "linux/amd64"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got, findings := ParseList(tc.value, DefaultArchitectures(), field.NewPath("list"))
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(sameArchs)); diff != "" {
				t.Errorf("architectures (-want +got):\n%s", diff)
			}
			var rules []string
			for _, f := range findings {
				if f.Severity != Error || f.Path.String() != "list" {
					t.Errorf("finding %+v: want an error at list", f)
				}
				rules = append(rules, strings.TrimSpace(string(f.Rule)+" "+quoted([]string{f.Value})))
			}
			if diff := cmp.Diff(tc.findings, rules); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func sameArchs(a, b []Arch) bool { return Architectures(a).String() == Architectures(b).String() }

func TestFindingsOfAListSayWhatIsAccepted(t *testing.T) {
	for value, want := range map[string][]string{
		"amd64,arn64":  {`list: Unsupported value: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`},
		"amd64,amd64":  {`list: Duplicate value: "amd64": listed 2 times; list it once`},
		"amd64,,arm64": {`list: Invalid value: "": item 2 of "amd64,,arm64" is empty; remove the extra comma`},
		" , ":          {`list: Invalid value: "": " , " names no architecture; accepted: amd64, arm64, s390x`},
	} {
		_, findings := ParseList(value, DefaultArchitectures(), field.NewPath("list"))
		var got []string
		for _, err := range findings.Errors() {
			got = append(got, err.Error())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
}

func TestAFindingHasTheValueThatWasMeant(t *testing.T) {
	for value, want := range map[string][]string{
		"amd64,arn64,ppc64le": {"arm64", ""},
		"amd64,amd64,":        {"", ""},
	} {
		_, findings := ParseList(value, DefaultArchitectures(), nil)
		var got []string
		for _, f := range findings {
			got = append(got, f.Suggestion)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
	label := DataImportCron{Metadata: Metadata{Labels: map[string]string{ArchitectureLabel: "aarch64"}}}
	if findings := (Rules{}).Declaration(&label).Findings; len(findings) != 1 || findings[0].Suggestion != "arm64" {
		t.Errorf("of a label: %+v", findings)
	}
	if findings := spacedItems("amd64, arm64", nil); len(findings) != 1 || findings[0].Suggestion != "arm64" {
		t.Errorf("of a spaced item: %+v", findings)
	}
}

func TestSuggest(t *testing.T) {
	for item, want := range map[string]Arch{
		"x86_64": "amd64", "X86_64": "amd64", "x86-64": "amd64", "AMD64": "amd64", "linux/amd64": "amd64",
		"aarch64": "arm64", "arm64/v8": "arm64", "linux/arm64/v8": "arm64", "arn64": "arm64", "arm46": "arm64", `"arm64"`: "arm64",
		"S390X": "s390x", "s390": "s390x", "s390x ": "s390x",
		"ppc64le": "", "riscv64": "", "arm": "", "armhf": "", "armv7l": "", "i386": "", "": "", "linux/": "", "mips": "", "a64": "", strings.Repeat("a", 1<<20): "",
	} {
		got, ok := suggest(item, DefaultArchitectures())
		if got != want || ok != (want != "") {
			t.Errorf("suggest(%.20q) = %q, %t; want %q", item, got, ok, want)
		}
	}
	if got, _ := suggest("ppc64el", Architectures{"ppc64le"}); got != "ppc64le" {
		t.Errorf("an alias of another accepted architecture: got %q", got)
	}
	if got, ok := suggest("arm64", Architectures{"amd64"}); ok {
		t.Errorf("another architecture: got %q", got)
	}
	if got, ok := suggest("x86_64", Architectures{"arm64"}); ok {
		t.Errorf("an alias of what is not accepted: got %q", got)
	}
}

func TestParseArchitectures(t *testing.T) {
	got, err := ParseArchitectures("amd64,ppc64le")
	if want := (Architectures{"amd64", "ppc64le"}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for value, want := range map[string][]string{
		"":                  {`"" is no architecture`},
		"amd64,":            {`"" is no architecture`},
		"amd64, arm64":      {`" arm64" is no architecture`, "no space"},
		"amd64,amd64":       {`"amd64" is listed twice`},
		"AMD64,arm-64":      {`"AMD64" is no architecture`, `"arm-64" is no architecture`},
		`a'"]||true`:        {"is no architecture"},
		"seventeenletters1": {"at most 16"},
	} {
		got, err := ParseArchitectures(value)
		if err == nil || got != nil {
			t.Errorf("%q: got %v, %v; want an error alone", value, got, err)
			continue
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q: error %q lacks %q", value, err, text)
			}
		}
	}
}
