package arch

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// aliases maps the names that other tools (uname, Debian, RPM, vendors) give
// an architecture to its GOARCH.
var aliases = map[string]Arch{
	"x86_64": "amd64", "x86-64": "amd64", "x64": "amd64", "em64t": "amd64", "intel64": "amd64",
	"aarch64": "arm64", "armv8": "arm64", "armv9": "arm64", "arm64v8": "arm64", "arm64e": "arm64",
	"s390": "s390x", "zarch": "s390x", "systemz": "s390x",
	"ppc64el": "ppc64le", "powerpc64le": "ppc64le",
	"riscv": "riscv64", "rv64": "riscv64", "rv64gc": "riscv64", "riscv64gc": "riscv64",
	"loongarch64": "loong64",
}

// others are architectures in their own right. Who writes one of them that is
// not accepted did not mistype another.
var others = []string{
	"386", "amd64", "arm", "arm32", "arm64", "armel", "armhf", "armv5", "armv6", "armv6l", "armv7", "armv7l", "i386", "i686",
	"loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv32", "riscv64", "s390x",
}

// maxDistance is how many letters may differ between what was written and the
// architecture that was meant.
const maxDistance = 2

// suggest returns the accepted architecture that a person who wrote item most
// likely meant: by another letter case, as a platform ("linux/arm64/v8"), by
// an alias ("x86_64") or with a slip ("arn64"). ok is false where none is
// likelier than the others.
func suggest(item string, accepted Architectures) (a Arch, ok bool) {
	name := strings.ToLower(strings.Trim(strings.TrimSpace(item), `"'`))
	if _, rest, found := strings.Cut(name, "linux/"); found {
		name = rest
	}
	name, _, _ = strings.Cut(name, "/")
	if accepted.Has(Arch(name)) {
		return Arch(name), true
	}
	if alias, ok := aliases[name]; ok {
		if !accepted.Has(alias) {
			return "", false
		}
		return alias, true
	}
	if slices.Contains(others, name) {
		return "", false
	}
	return nearest(name, accepted)
}

func nearest(name string, accepted Architectures) (best Arch, ok bool) {
	least := maxDistance + 1
	for _, a := range accepted {
		// The length alone tells for long values, at no cost.
		if d := len(name) - len(a); d > maxDistance || d < -maxDistance {
			continue
		}
		switch distance := levenshtein.ComputeDistance(name, string(a)); {
		case distance < least:
			least, best, ok = distance, a, true
		case distance == least:
			ok = false
		}
	}
	if !ok {
		return "", false
	}
	return best, true
}
