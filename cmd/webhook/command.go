package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Set by the linker, see the Makefile.
var (
	version = "devel"
	commit  = "unknown"
	date    = "unknown"
)

// envPrefix starts the environment variable of each flag: DICER_CERT_DIR.
const envPrefix = "DICER_"

// newCommand makes the command that reads the flags and hands them to run.
func newCommand(run func(context.Context, *Options) error) *cobra.Command {
	options := NewOptions()
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Serve dicer's admission webhooks for SSP and DataImportCron objects",
		Long: "Serve dicer's admission webhooks for SSP and DataImportCron objects over TLS.\n\n" +
			"Each flag can be set by an environment variable too: --cert-dir by " + envPrefix + "CERT_DIR.\n" +
			"A flag on the command line wins.",
		Example:       "  webhook --cert-dir=/tls --validation-action=Warn",
		Version:       fmt.Sprintf("%s (commit %s, %s, %s)", version, commit, date, runtime.Version()),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagsFromEnv(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			if err := options.Validate(); err != nil {
				return err
			}
			return run(cmd.Context(), options)
		},
	}
	options.AddFlags(cmd.Flags())
	return cmd
}

// flagsFromEnv sets the flags that the command line did not set from the
// environment.
func flagsFromEnv(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := lookup(name); ok {
			if err := flags.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}
