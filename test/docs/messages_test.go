package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// message is a heading of troubleshooting.md, with the line of its rules and the rest.
var message = regexp.MustCompile("(?m)^### `(.+)`\n\nRules?: (.+)\\.\n\n(.+)$")

// TestEachMessageOfTheRulesIsAHeading holds troubleshooting.md to what pkg/arch says
// of objects that have all kinds of mistakes, in both directions, rules included.
func TestEachMessageOfTheRulesIsAHeading(t *testing.T) {
	made := map[string][]string{}
	for _, f := range messages(t) {
		text := normal(f.Text)
		if rule := "`" + string(f.Rule) + "`"; !slices.Contains(made[text], rule) {
			made[text] = append(made[text], rule)
			slices.Sort(made[text])
		}
	}
	section := sections(page(t, "troubleshooting.md"))["Messages of the webhook"]
	told := map[string][]string{}
	for _, found := range message.FindAllStringSubmatch(section, -1) {
		text := normal(found[1])
		if told[text] != nil {
			t.Errorf("%q has two headings", text)
		}
		told[text] = strings.Split(found[2], ", ")
		slices.Sort(told[text])
	}
	if headings := strings.Count(section, "\n### "); headings != len(told) {
		t.Errorf("%d headings, of which %d have rules and a text", headings, len(told))
	}
	if diff := cmp.Diff(told, made); diff != "" {
		t.Errorf("(-troubleshooting.md +pkg/arch):\n%s", diff)
	}
}

// TestTheMistakesBringOutEachRuleAndText says that the test above has seen all.
func TestTheMistakesBringOutEachRuleAndText(t *testing.T) {
	reached := map[arch.Rule]bool{}
	var said []string
	for _, f := range messages(t) {
		reached[f.Rule] = true
		said = append(said, f.Text, f.Message())
	}
	all := strings.Join(said, "\n")
	rules, texts := declared(t, "arch")
	for _, rule := range rules {
		if !reached[rule] {
			t.Errorf("no object here breaks rule %s", rule)
		}
	}
	if len(rules) < 20 || len(texts) < 20 {
		t.Errorf("found %d rules and %d texts in pkg/arch", len(rules), len(texts))
	}
	for _, text := range texts {
		// No template that could be read is known that its own patch does not fit.
		if text != "cannot be patched: %v" && !pattern(text).MatchString(all) {
			t.Errorf("no object here brings out %q", text)
		}
	}
}

// declared reads the constants of type Rule in a package below pkg, and the sentences:
// literals that have a space in them, but for those of Go errors.
func declared(t *testing.T, name string) (rules []arch.Rule, sentences []string) {
	t.Helper()
	files, err := filepath.Glob("../../pkg/" + name + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in pkg/%s, %v", len(files), name, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Rule" {
					rules = append(rules, arch.Rule(literal(t, n.Values[0].(*ast.BasicLit))))
				}
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				return !ok || f.Sel.Name != "Errorf"
			case *ast.BasicLit:
				if n.Kind == token.STRING && strings.Contains(literal(t, n), " ") {
					sentences = append(sentences, literal(t, n))
				}
			}
			return true
		})
	}
	return rules, sentences
}

func literal(t *testing.T, l *ast.BasicLit) string {
	t.Helper()
	value, err := strconv.Unquote(l.Value)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

var verb = regexp.MustCompile(`%[.\d]*[a-z]`)

// pattern finds what a format makes.
func pattern(format string) *regexp.Regexp {
	parts := verb.Split(format, -1)
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(strings.Join(parts, ".+"))
}

// What differs between two messages of one kind, in the order in which it is replaced.
var differences = []struct {
	found       *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), `"..."`},
	{regexp.MustCompile(`; did you mean "\.\.\."\?$`), ``},
	{regexp.MustCompile(`"\.\.\."(?:, "\.\.\.")+`), `"..."`},
	{regexp.MustCompile(`\b\d+\b`), `0`},
	{regexp.MustCompile(`\b0(?:, (?:0|\.\.\.))+`), `0`},
	{regexp.MustCompile(`\b(?:amd64|arm64|s390x)\b`), `amd64`},
	{regexp.MustCompile(`\bamd64(?:, amd64)+`), `amd64`},
	// What is missing, and JSON's types, are words.
	{regexp.MustCompile(`^incomplete: .+`), `incomplete: ...`},
	{regexp.MustCompile(`^a JSON [a-z]+`), `a JSON ...`},
}

// normal is what is the same in all messages of a kind.
func normal(text string) string {
	for _, d := range differences {
		text = d.found.ReplaceAllString(text, d.replacement)
	}
	return text
}

func TestNormalKeepsWhatIsTheSame(t *testing.T) {
	for text, want := range map[string]string{
		`not one of amd64, arm64, s390x; did you mean "arm64"?`:   `not one of amd64`,
		`item 2, 3, 4, ... of "a,\"b" is empty`:                   `item 0 of "..." is empty`,
		`template "a" needs DataSource "b", "c" too`:              `template "..." needs DataSource "..." too`,
		`incomplete: base, platform`:                              `incomplete: ...`,
		`with "-amd64" it has 66 characters; at most 63`:          `with "..." it has 0 characters; at most 0`,
		`is no legal label value: want letters, ... , at most 63`: `is no legal label value: want letters, ... , at most 0`,
	} {
		if got := normal(text); got != want {
			t.Errorf("%q: %q; want %q", text, got, want)
		}
	}
}

// messages are what the rules say of objects that combine what may be right or wrong.
func messages(t *testing.T) arch.Findings {
	t.Helper()
	var all arch.Findings
	seen := map[string]bool{}
	for _, f := range slices.Concat(templateMessages(t), dataImportCronMessages(t)) {
		if key := string(f.Rule) + normal(f.Text) + strconv.FormatBool(f.Suggestion != ""); !seen[key] {
			seen[key] = true
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		t.Fatal("nothing was found")
	}
	return all
}

// TestOtherAnswersAreWhatTheWebhookSays looks for the headings beside those of rules in
// pkg/admission.
func TestOtherAnswersAreWhatTheWebhookSays(t *testing.T) {
	_, texts := declared(t, "admission")
	section := sections(page(t, "troubleshooting.md"))["Other answers of the webhook"]
	headings := regexp.MustCompile("(?m)^### `(?:dicer: )?(.+)`$").FindAllStringSubmatch(section, -1)
	if len(headings) < 3 {
		t.Fatalf("%d headings; the pattern does not find them", len(headings))
	}
	for _, heading := range headings {
		said := slices.ContainsFunc(texts, func(text string) bool {
			return pattern(strings.TrimPrefix(text, "dicer: ")).FindString(heading[1]) == heading[1]
		})
		if !said {
			t.Errorf("pkg/admission does not say %q", heading[1])
		}
	}
}

// refused is an answer of the corpus of bad requests that is no review.
var refused = regexp.MustCompile(`[45]\d\d dicer: ([^'"\n]+)`)

// TestWhatIsNoReviewIsAHeading looks for what pkg/admission says to bad requests.
func TestWhatIsNoReviewIsAHeading(t *testing.T) {
	files, err := filepath.Glob("../../cmd/webhook/testdata/bad/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	section := sections(page(t, "troubleshooting.md"))["Other answers of the webhook"]
	said := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range refused.FindAllStringSubmatch(string(content), -1) {
			said[match[1]] = true
		}
	}
	if len(said) < 5 {
		t.Errorf("%d texts; the pattern does not find them", len(said))
	}
	for text := range said {
		if !strings.Contains(section, "\n### `dicer: "+text+"`\n") {
			t.Errorf("%q is no heading", text)
		}
	}
}
