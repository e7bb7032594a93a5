package command

import (
	"fmt"
	"runtime"
)

// Set by the linker, see the Makefile.
var (
	version = "devel"
	commit  = "unknown"
	date    = "unknown"
)

// Version returns the tag or description of the commit that was built, "devel"
// for a build without the Makefile.
func Version() string { return version }

// Commit returns the hash of the commit that was built, "unknown" for a build
// without the Makefile.
func Commit() string { return commit }

// VersionLine is what --version prints: version, commit, date and Go's version.
func VersionLine() string {
	return fmt.Sprintf("%s (commit %s, %s, %s)", version, commit, date, runtime.Version())
}
