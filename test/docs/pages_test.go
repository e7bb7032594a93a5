package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats are as many as SIG Security's threat model has, numbered from 1.
const threats = 18

var (
	heading = regexp.MustCompile(`(?m)^## (.+)$`)
	// named is a test and its file. A line may end between the two.
	named = regexp.MustCompile("`((?:Test|Fuzz|test)[A-Z]\\w*)`(?:\\s+\\(([^()\\s]+)\\))?")
)

// sections of a page are the texts below its headings.
func sections(page string) map[string]string {
	found := map[string]string{}
	starts := heading.FindAllStringSubmatchIndex(page, -1)
	for i, start := range starts {
		end := len(page)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		found[page[start[2]:start[3]]] = page[start[1]:end]
	}
	return found
}

func threatModel(t *testing.T) string { return page(t, "threat-model.md") }

func page(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEachThreatHasTestsOrIsANonGoal(t *testing.T) {
	found := map[int]int{}
	for title, text := range sections(threatModel(t)) {
		var number int
		if _, err := fmt.Sscanf(title, "%d.", &number); err != nil {
			continue
		}
		found[number]++
		_, tests, _ := strings.Cut(text, "\nTests:\n")
		if !strings.HasPrefix(strings.TrimSpace(text), "Non-goal: ") && !named.MatchString(tests) {
			t.Errorf("%s: neither tests nor a reason why it is no goal", title)
		}
	}
	for number := 1; number <= threats; number++ {
		if found[number] != 1 {
			t.Errorf("threat %d is there %d times", number, found[number])
		}
		delete(found, number)
	}
	if len(found) > 0 {
		t.Errorf("SIG Security's list has no threats %v", found)
	}
}

func TestEachTestThatAPageNamesIsInTheTree(t *testing.T) {
	for name, least := range map[string]int{"threat-model.md": threats, "reliability.md": 10, "migration.md": 8, "comparison.md": 2} {
		all := named.FindAllStringSubmatch(page(t, name), -1)
		if len(all) < least {
			t.Errorf("%s: %d tests; the pattern does not find them", name, len(all))
		}
		for _, match := range all {
			if match[2] == "" {
				t.Errorf("%s: the file of %s is not named", name, match[1])
			} else if !declares(t, match[2], match[1]) {
				t.Errorf("%s: %s: not in %s", name, match[1], match[2])
			}
		}
	}
}

// declares tells whether a test file of the tree has a function.
func declares(t *testing.T, file, name string) bool {
	t.Helper()
	path := filepath.Join("../..", filepath.FromSlash(file))
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return false
	}
	for _, declaration := range parsed.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == name {
			return strings.HasSuffix(file, "_test.go")
		}
	}
	return false
}
