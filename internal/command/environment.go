package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// EnvName returns the environment variable of a flag: DICER_CERT_DIR of
// cert-dir.
func EnvName(flag string) string {
	return "DICER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagsFromEnv sets the flags that the command line did not set from the
// environment.
func flagsFromEnv(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		name := EnvName(f.Name)
		if value, ok := lookup(name); ok {
			if err := flags.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}

// environmentHelp takes as its example the first flag with a hyphen, which
// shows the whole rule.
func environmentHelp(flags *pflag.FlagSet) string {
	example := ""
	flags.VisitAll(func(f *pflag.Flag) {
		if example == "" && strings.Contains(f.Name, "-") {
			example = ": --" + f.Name + " by " + EnvName(f.Name)
		}
	})
	return "Each flag can be set by an environment variable too" + example + ".\nA flag on the command line wins."
}
