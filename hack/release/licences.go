package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are licences, by their SPDX names, whose conditions the texts in the
// image fulfil. MPL-2.0, say, asks to tell where the source is, too: who adds one
// here sees to what it asks for.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// known is the share of a text, in percent, that has to be of known licences. The
// rest are copyright lines and notes of which file is under which.
const known = 75

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying)([-._].*)?$`)
	// Apache-2.0 asks to pass on the first; Go's authors grant patents by the other.
	noticeFile = regexp.MustCompile(`(?i)^(notice|patents)([-._].*)?$`)
)

// text is a file that has to be passed on.
type text struct {
	// Module and File, its path there, with slashes, say where it is from.
	Module, File string
	Content      string
	// Licences are the SPDX names of what it says, sorted; none for a notice.
	Licences []string
}

// texts returns what has to be passed on with the modules, by module and file, and
// every licence among them that is not allowed.
func texts(modules map[string]*module) ([]text, error) {
	var all []text
	var errs []error
	for _, m := range modules {
		found, err := m.texts()
		all, errs = append(all, found...), append(errs, err)
	}
	slices.SortFunc(all, func(a, b text) int {
		return cmp.Or(strings.Compare(a.Module, b.Module), strings.Compare(a.File, b.File))
	})
	return all, errors.Join(errs...)
}

func (m *module) texts() ([]text, error) {
	var all []text
	var errs []error
	licensed := false
	for _, folder := range m.folders() {
		entries, err := os.ReadDir(filepath.Join(m.Dir, folder))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			name := entry.Name()
			isLicence := licenceFile.MatchString(name)
			// LICENSE.docs is of a module's documentation, which nobody links.
			if entry.IsDir() || strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".docs") || !isLicence && !noticeFile.MatchString(name) {
				continue
			}
			t, err := m.read(filepath.Join(folder, name), isLicence)
			all, errs = append(all, t), append(errs, err)
			licensed = licensed || isLicence && folder == "."
		}
	}
	if !licensed {
		errs = append(errs, fmt.Errorf("%s: no file with its licence in %s", m.Path, m.Dir))
	}
	return all, errors.Join(errs...)
}

// folders are those of the linked packages and all above them, in the module: what
// was copied from elsewhere has its own licence beside it.
func (m *module) folders() []string {
	folders := []string{"."}
	for _, dir := range m.Packages {
		folder, err := filepath.Rel(m.Dir, dir)
		for ; err == nil && filepath.IsLocal(folder) && folder != "."; folder = filepath.Dir(folder) {
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

func (m *module) read(file string, isLicence bool) (text, error) {
	content, err := os.ReadFile(filepath.Join(m.Dir, file))
	if err != nil {
		return text{}, err
	}
	content = bytes.TrimSpace(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
	t := text{Module: m.Path, File: filepath.ToSlash(file), Content: string(content)}
	if isLicence {
		t.Licences, err = licences(content)
	}
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", t.Module, t.File, err)
	}
	return t, err
}

// licences are the SPDX names of those that a text holds, sorted. It is an error
// where one is not allowed, or a part of the text is none that is known.
func licences(content []byte) ([]string, error) {
	coverage := licensecheck.Scan(content)
	var names []string
	for _, match := range coverage.Match {
		names = append(names, match.ID)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if coverage.Percent < known {
		return names, fmt.Errorf("%.0f %% of it is of known licences (%s); want %d at least", coverage.Percent, strings.Join(names, ", "), known)
	}
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			return names, fmt.Errorf("licence %s: not one of %s", name, strings.Join(allowed, ", "))
		}
	}
	return names, nil
}

// byModule are the names of each module's licences, sorted.
func byModule(all []text) map[string][]string {
	names := map[string][]string{}
	for _, t := range all {
		names[t.Module] = append(names[t.Module], t.Licences...)
	}
	for path := range names {
		slices.Sort(names[path])
		names[path] = slices.Compact(names[path])
	}
	return names
}
