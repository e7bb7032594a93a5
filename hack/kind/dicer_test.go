package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheImageOfARenderedFileIsSet(t *testing.T) {
	manifest := "spec:\n  containers:\n  - image: dicer:v0.1.0\n    name: webhook\n  - name: fanout\n    image: dicer\n  - image: other/dicer:v1\n"
	want := "spec:\n  containers:\n  - image: dicer:v2\n    name: webhook\n  - name: fanout\n    image: dicer:v2\n  - image: other/dicer:v1\n"
	if got := string(withImage([]byte(manifest), "dicer:v2")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAMakeBelowIsNotToldOfTheOneAbove(t *testing.T) {
	got := withoutMake([]string{"PATH=/bin", "MAKEFLAGS=-n", "MAKELEVEL=1", "MFLAGS=-n", "MAKEOVERRIDES=A=1", "MAKER=me"})
	if want := []string{"PATH=/bin", "MAKER=me"}; !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}

func TestTheUpgradeStartsFromTheTagBeforeThisCommit(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.invalid", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.invalid",
		"GIT_CONFIG_GLOBAL": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	commit := func() string {
		t.Helper()
		if _, err := git(t.Context(), "commit", "--allow-empty", "--quiet", "--message", "one more"); err != nil {
			t.Fatal(err)
		}
		hash, err := git(t.Context(), "rev-parse", "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	tag := func(name string) {
		t.Helper()
		if _, err := git(t.Context(), "tag", name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := git(t.Context(), "init", "--quiet"); err != nil {
		t.Fatal(err)
	}
	first := commit()
	var usage usageError
	if _, err := preceding(t.Context(), ""); !errors.As(err, &usage) || !strings.Contains(err.Error(), "-previous") {
		t.Errorf("of the first commit: error %v", err)
	}
	second := commit()
	check := func(when, asked, want string) {
		t.Helper()
		if got, err := preceding(t.Context(), asked); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", when, got, err, want)
		}
	}
	check("no tag: the commit before", "", first)
	tag("v0.1.0")
	check("the only tag is this commit's", "", first)
	commit()
	commit()
	check("a tag two commits ago", "", second)
	tag("v0.2.0")
	check("this commit's own tag does not count", "", second)
	check("another was asked for", "v0.1.0^", first)
	if _, err := preceding(t.Context(), "nowhere"); err == nil {
		t.Error("a revision that is not there was found")
	}
}
