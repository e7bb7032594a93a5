package kubernetes

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// pins holds one go.mod and one go.sum for each version that can be built.
// They are embedded so that a command works from any directory.
//
//go:embed v*.mod v*.sum
var pins embed.FS

// Version is a release of Kubernetes; pre-releases are not pinned here.
type Version struct{ major, minor, patch int }

func (v Version) String() string {
	return fmt.Sprintf("v%d.%d.%d", v.major, v.minor, v.patch)
}

// parseVersion reads "v1.36.3" or "1.36.3".
func parseVersion(s string) (Version, error) {
	var v Version
	parts := strings.Split(strings.TrimPrefix(s, "v"), ".")
	if len(parts) != 3 {
		return Version{}, fmt.Errorf("version %q: want three numbers, as in v1.36.3", s)
	}
	for i, number := range []*int{&v.major, &v.minor, &v.patch} {
		n, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil {
			return Version{}, fmt.Errorf("version %q: want three numbers, as in v1.36.3", s)
		}
		*number = int(n)
	}
	return v, nil
}

// Pinned returns the versions that can be built, newest first.
func Pinned() ([]Version, error) { return pinned(pins) }

// pinned returns the versions whose .mod file is in files, newest first.
func pinned(files fs.FS) ([]Version, error) {
	names, err := fs.Glob(files, "v*.mod")
	if err != nil {
		return nil, err
	}
	versions := make([]Version, 0, len(names))
	for _, name := range names {
		v, err := parseVersion(strings.TrimSuffix(name, ".mod"))
		if err != nil {
			return nil, fmt.Errorf("pin %s: %w", name, err)
		}
		versions = append(versions, v)
	}
	slices.SortFunc(versions, func(a, b Version) int {
		return cmp.Or(cmp.Compare(b.major, a.major), cmp.Compare(b.minor, a.minor), cmp.Compare(b.patch, a.patch))
	})
	return versions, nil
}

// Choose picks among versions (newest first, not empty): the flag's value, else
// the environment's, else the newest. An empty value counts as not given.
func Choose(versions []Version, flagValue, envValue string) (Version, error) {
	source, value := "-version", flagValue
	if value == "" {
		source, value = "K8S_VERSION", envValue
	}
	if value == "" {
		return versions[0], nil
	}
	if v, err := parseVersion(value); err == nil && slices.Contains(versions, v) {
		return v, nil
	}
	accepted := make([]string, len(versions))
	for i, v := range versions {
		accepted[i] = v.String()
	}
	return Version{}, fmt.Errorf("%s: %q is not a version that can be built here; accepted: %s", source, value, strings.Join(accepted, ", "))
}
