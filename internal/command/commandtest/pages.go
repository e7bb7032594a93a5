// Package commandtest tests what every command of dicer has: flags, their
// environment, and their rows in docs/flags.md.
package commandtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Section returns the part of a page, by its path in the repository, under a heading.
// The caller is in the folder app of a command.
func Section(t testing.TB, page, heading string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(content), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", page, heading)
	}
	section, _, _ := strings.Cut(after, "\n## ")
	return section
}

// flagsPage is where the flags of all commands are.
const flagsPage = "docs/flags.md"

// HasFlags fails the test for each flag that has no row with its default under
// the heading. Two commands have flags of one name.
func HasFlags(t testing.TB, heading string, flags *pflag.FlagSet) {
	t.Helper()
	section := Section(t, flagsPage, heading)
	flags.VisitAll(func(f *pflag.Flag) {
		row := "| `--" + f.Name + "` | `" + f.DefValue + "` |"
		if f.DefValue == "[]" || f.DefValue == "" {
			row = "| `--" + f.Name + "` | |"
		}
		if strings.HasPrefix(f.Name, "zap-") {
			row = "`--" + f.Name + "`"
		}
		if !strings.Contains(section, row) {
			t.Errorf("%s lacks %s under %q", flagsPage, row, heading)
		}
	})
}
