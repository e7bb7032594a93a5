package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

// sample is the text of a file.
func sample(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

const isc = `Permission to use, copy, modify, and/or distribute this software for any purpose
with or without fee is hereby granted, provided that the above copyright notice and
this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD
TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN
NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR
PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

// gpl is the notice that the GPL asks for in each file.
const gpl = `This program is free software: you can redistribute it and/or modify it under the
terms of the GNU General Public License as published by the Free Software Foundation,
either version 3 of the License, or (at your option) any later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY
WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS FOR A
PARTICULAR PURPOSE. See the GNU General Public License for more details.

You should have received a copy of the GNU General Public License along with this
program. If not, see <https://www.gnu.org/licenses/>.
`

func TestALicenceIsAllowedOrRefusedByItsText(t *testing.T) {
	apache := sample(t, "../../LICENSE")
	for name, tc := range map[string]struct {
		text string
		want []string
		err  string
	}{
		"a known one":                        {text: "Copyright 2026 Somebody\n\n" + isc, want: []string{"ISC"}},
		"two in a file":                      {text: isc + "\n\n" + apache, want: []string{"Apache-2.0", "ISC"}},
		"one that is not allowed":            {text: gpl, err: "licence GPL-3.0-or-later: not one of Apache-2.0, BSD-2-Clause"},
		"one that is not, below one that is": {text: apache + "\n\n" + gpl, err: "licence GPL-3.0-or-later: not one of"},
		"a text that nobody knows":           {text: "You may use it on Sundays only.", err: "0 % of it is of known licences ()"},
		"a known one with a long condition":  {text: isc + strings.Repeat("And you owe the author a drink. ", 20), err: "% of it is of known licences (ISC)"},
		"an empty file":                      {err: "0 % of it is of known licences ()"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := licences([]byte(tc.text))
			switch {
			case tc.err == "" && (err != nil || !slices.Equal(got, tc.want)):
				t.Errorf("%v, %v; want %v", got, err, tc.want)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
				t.Errorf("error %v; want %q", err, tc.err)
			}
		})
	}
}

func TestTheAllowedOnesAreNamesThatAreFound(t *testing.T) {
	known := map[string]bool{}
	for _, l := range licensecheck.BuiltinLicenses() {
		known[l.ID] = true
	}
	for _, name := range allowed {
		if !known[name] {
			t.Errorf("%s: no licence has that name", name)
		}
	}
}

// tree writes the files into a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTextsAreThoseOfTheModuleAndAboveEachLinkedPackage(t *testing.T) {
	dir := tree(t, map[string]string{
		"LICENSE":                    isc,
		"NOTICE.txt":                 "made by us\r\n",
		"PATENTS":                    "granted",
		"license.go":                 "package x",
		"LICENSES/GPL.txt":           gpl,
		"forked/LICENCE":             isc,
		"forked/deep/deep.go":        "package deep",
		"unlinked/LICENSE":           gpl,
		"unlinked/COPYING.md":        gpl,
		"forked/deep/below/LICENSE":  gpl,
		"forked/deep/lower.go":       "package deep",
		"plain/license-free/free.go": "package free",
	})
	all, err := texts(map[string]*module{"example.com/x": {
		Path: "example.com/x", Dir: dir,
		Packages: []string{dir, filepath.Join(dir, "forked/deep"), filepath.Join(dir, "plain/license-free")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, text := range all {
		files = append(files, text.File)
		if text.File == "NOTICE.txt" && text.Content != "made by us" {
			t.Errorf("%s: %q", text.File, text.Content)
		}
	}
	if want := []string{"LICENSE", "NOTICE.txt", "PATENTS", "forked/LICENCE"}; !slices.Equal(files, want) {
		t.Errorf("files %v; want %v", files, want)
	}
}

func TestEveryModuleWithoutAGoodLicenceIsNamed(t *testing.T) {
	_, err := texts(map[string]*module{
		"example.com/none": {Path: "example.com/none", Dir: tree(t, map[string]string{"NOTICE": "x", "sub/LICENSE": isc})},
		"example.com/gpl":  {Path: "example.com/gpl", Dir: tree(t, map[string]string{"COPYING": gpl})},
		"example.com/good": {Path: "example.com/good", Dir: tree(t, map[string]string{"LICENSE": isc})},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"example.com/none: no file with its licence", "example.com/gpl: COPYING: licence GPL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q; want one with %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "example.com/good") {
		t.Errorf("error %q", err)
	}
}

func TestTheSameTextStandsOnce(t *testing.T) {
	got := render([]text{
		{Module: "a", File: "LICENSE", Content: "one", Licences: []string{"MIT"}},
		{Module: "a", File: "NOTICE", Content: "two"},
		{Module: "b", File: "x/LICENSE", Content: "one", Licences: []string{"MIT"}},
		{Module: "b", File: "LICENSE", Content: "three", Licences: []string{"ISC"}},
	})
	line := "\n" + strings.Repeat("=", 80) + "\n"
	want := heading + "\na: MIT\nb: ISC, MIT\n" + line + "a: LICENSE\nb: x/LICENSE\n\none\n" + line + "a: NOTICE\n\ntwo\n" + line + "b: LICENSE\n\nthree\n"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
