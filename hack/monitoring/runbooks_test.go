package monitoring

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	runbooks = "../../docs/runbooks"
	// published is where the repository's files are read.
	published = "https://github.com/dicer-dev/dicer/blob/main/docs/runbooks/"
)

// link is one to a file of the repository, and the heading there.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#([^)]*))?\)`)

// checkLink looks for the file, and for the heading as code hosts name it.
func checkLink(t *testing.T, from, path, anchor string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(filepath.Dir(from), path))
	if err != nil {
		t.Errorf("%s: %v", from, err)
		return
	}
	for _, match := range heading.FindAllStringSubmatch(string(content), -1) {
		if name := strings.ReplaceAll(strings.ToLower(match[1]), " ", "-"); name == anchor {
			return
		}
	}
	if anchor != "" {
		t.Errorf("%s: %s has no heading %s", from, path, anchor)
	}
}

var heading = regexp.MustCompile(`(?m)^## (.+)$`)

// TestEachAlertHasARunbookAndEachRunbookAnAlert holds the two together, and what
// each has to say.
func TestEachAlertHasARunbookAndEachRunbookAnAlert(t *testing.T) {
	alerts := map[string]bool{}
	for _, rule := range alertRules(t) {
		alerts[rule.Alert] = true
		if want := published + rule.Alert + ".md"; rule.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q; want %q", rule.Alert, rule.Annotations["runbook_url"], want)
		}
		if severity := rule.Labels["severity"]; !slices.Contains([]string{"critical", "warning", "info"}, severity) {
			t.Errorf("%s: severity %q; want critical, warning or info", rule.Alert, severity)
		}
		for _, name := range []string{"summary", "description"} {
			if rule.Annotations[name] == "" {
				t.Errorf("%s: no %s", rule.Alert, name)
			}
		}
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for alert := range alerts {
		if !strings.Contains(string(operations), "| ["+alert+"](runbooks/"+alert+".md) |") {
			t.Errorf("docs/operations.md does not list %s", alert)
		}
	}
	files, err := filepath.Glob(filepath.Join(runbooks, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		alert := strings.TrimSuffix(filepath.Base(file), ".md")
		if !alerts[alert] {
			t.Errorf("%s is of no alert", file)
		}
		delete(alerts, alert)
		checkRunbook(t, file, alert)
	}
	for alert := range alerts {
		t.Errorf("%s has no runbook in docs/runbooks", alert)
	}
}

func checkRunbook(t *testing.T, file, alert string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if !strings.HasPrefix(text, "# "+alert+"\n") {
		t.Errorf("%s does not begin with its alert's name", file)
	}
	var headings []string
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		headings = append(headings, match[1])
	}
	if want := []string{"Meaning", "Impact", "Diagnosis", "Mitigation"}; !slices.Equal(headings, want) {
		t.Errorf("%s has the headings %q; want %q", file, headings, want)
	}
	for i, part := range heading.Split(text, -1) {
		if len(strings.TrimSpace(part)) < 20 {
			t.Errorf("%s: nothing is said below heading %d", file, i)
		}
	}
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		checkLink(t, file, match[1], match[2])
	}
	// A metric that a runbook has somebody look at has to be there.
	all := known(t)
	for _, name := range regexp.MustCompile(`\b(dicer|controller_runtime|leader_election|apiserver)_\w+`).FindAllString(text, -1) {
		if _, ok := all[name]; !ok {
			t.Errorf("%s names %s, which is not exported", file, name)
		}
	}
}
