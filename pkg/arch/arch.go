package arch

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Arch is a CPU architecture by its name in GOARCH: "amd64".
type Arch string

// Suffix is what a name gets for the architecture: "-amd64".
func (a Arch) Suffix() string { return "-" + string(a) }

// Architectures is an ordered set of architectures.
type Architectures []Arch

// DefaultArchitectures returns what the SSP operator accepts.
func DefaultArchitectures() Architectures { return Architectures{"amd64", "arm64", "s390x"} }

// goarch is the shape of every GOARCH. Nothing else gets into names, labels
// and the CEL conditions that carry the accepted architectures.
var goarch = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// ParseArchitectures reads the set of accepted architectures as an
// administrator sets it: "amd64,arm64". It refuses an empty set, duplicates
// and what cannot be a GOARCH; white space too, for the match conditions in
// deploy/webhook split the same value at commas alone.
func ParseArchitectures(value string) (Architectures, error) {
	var set Architectures
	var errs []error
	for _, item := range strings.Split(value, ",") {
		switch {
		case !goarch.MatchString(item):
			errs = append(errs, fmt.Errorf("%q is no architecture: want lower-case letters and digits, at most 16, as in GOARCH, and no space", shorten(item)))
		case set.Has(Arch(item)):
			errs = append(errs, fmt.Errorf("%q is listed twice", item))
		default:
			set = append(set, Arch(item))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return set, nil
}

// Has tells whether a is in the set.
func (as Architectures) Has(a Arch) bool { return slices.Contains(as, a) }

// String lists the set as people read it: "amd64, arm64".
func (as Architectures) String() string { return as.join(", ") }

// List lists the set as ParseArchitectures reads it: "amd64,arm64".
func (as Architectures) List() string { return as.join(",") }

func (as Architectures) join(separator string) string {
	names := make([]string, len(as))
	for i, a := range as {
		names[i] = string(a)
	}
	return strings.Join(names, separator)
}

// suffixOf returns the architecture of the set that name ends in; ok is false
// where it ends in none.
func (as Architectures) suffixOf(name string) (a Arch, ok bool) {
	for _, a := range as {
		if strings.HasSuffix(name, a.Suffix()) {
			return a, true
		}
	}
	return "", false
}
