package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// link is one in Markdown: a text, and a target without spaces.
	link = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	// fence is a block of code, which has neither links nor headings.
	fence = regexp.MustCompile("(?ms)^```.*?^```$")
	// anyHeading is one of any depth.
	anyHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// dropped is what code hosts leave out of a heading's anchor.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// TestLinksPointToFilesAndHeadings is about all pages of the tree.
func TestLinksPointToFilesAndHeadings(t *testing.T) {
	root := filepath.Join("..", "..")
	pages, links := 0, 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "dist" || entry.Name() == "bin"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		pages++
		for _, match := range link.FindAllStringSubmatch(withoutCode(t, path), -1) {
			if !strings.Contains(match[1], "://") {
				links++
				follow(t, path, match[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 20 || links < 60 {
		t.Errorf("%d links in %d pages; the pattern does not find them", links, pages)
	}
}

// follow opens what a page links to.
func follow(t *testing.T, page, target string) {
	t.Helper()
	file, heading, anchored := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("%s: %v", page, err)
		return
	}
	if anchored && !anchors(withoutCode(t, path))[heading] {
		t.Errorf("%s: %s: there is no such heading", page, target)
	}
}

func withoutCode(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fence.ReplaceAllString(string(content), "")
}

// anchors are those of a page's headings, as code hosts make them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, match := range anyHeading.FindAllStringSubmatch(page, -1) {
		found[anchor(match[1])] = true
	}
	return found
}

func anchor(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

func TestAnchorsAreMadeAsCodeHostsDo(t *testing.T) {
	for heading, want := range map[string]string{
		"Out of a lock-out":            "out-of-a-lock-out",
		"`not one of \"...\"; a_b`":    "not-one-of--a_b",
		"1. The webhook is flooded":    "1-the-webhook-is-flooded",
		"What is rejected, and why":    "what-is-rejected-and-why",
		"kubectl dicer":                "kubectl-dicer",
		"CDI's CronJob name for amd64": "cdis-cronjob-name-for-amd64",
	} {
		if got := anchor(heading); got != want {
			t.Errorf("%s: %s; want %s", heading, got, want)
		}
	}
}
