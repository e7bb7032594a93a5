package command

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Options are the settings of a command.
type Options interface {
	// AddFlags adds a flag for each option.
	AddFlags(*pflag.FlagSet)
	// Validate returns every invalid option, by its flag's name.
	Validate() error
}

// New completes a command that says what it is (Use, Short, Long, Example): it
// takes options by flag and environment, no arguments, and calls run with
// options that are valid.
func New[O Options](cmd *cobra.Command, options O, run func(context.Context, O) error) *cobra.Command {
	cmd.Version = VersionLine()
	cmd.Args = cobra.NoArgs
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := flagsFromEnv(cmd.Flags(), os.LookupEnv); err != nil {
			return err
		}
		if err := options.Validate(); err != nil {
			return err
		}
		return run(cmd.Context(), options)
	}
	options.AddFlags(cmd.Flags())
	cmd.Long = strings.TrimSpace(cmd.Long + "\n\n" + environmentHelp(cmd.Flags()))
	return cmd
}
