// Package commandtest tests what every command of dicer has: flags, their
// environment, and their rows in the README.
package commandtest

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Section returns the part of README.md under a heading, in the folder app of a
// command.
func Section(t testing.TB, heading string) string {
	t.Helper()
	content, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(content), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", heading)
	}
	section, _, _ := strings.Cut(after, "\n## ")
	return section
}

// HasFlags fails the test for each flag that has no row with its default under
// the heading. Two commands have flags of one name.
func HasFlags(t testing.TB, heading string, flags *pflag.FlagSet) {
	t.Helper()
	section := Section(t, heading)
	flags.VisitAll(func(f *pflag.Flag) {
		row := "| `--" + f.Name + "` | `" + f.DefValue + "` |"
		if f.DefValue == "[]" || f.DefValue == "" {
			row = "| `--" + f.Name + "` | |"
		}
		if strings.HasPrefix(f.Name, "zap-") {
			row = "`--" + f.Name + "`"
		}
		if !strings.Contains(section, row) {
			t.Errorf("README.md lacks %s under %q", row, heading)
		}
	})
}
