// Package app is the fan-out controller: its flags, and how it is wired.
package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dicer-dev/dicer/internal/command"
)

// NewCommand makes the command that runs the controller.
func NewCommand() *cobra.Command { return newCommand(run) }

// newCommand makes the command that reads the flags and hands them to run.
func newCommand(run func(context.Context, *Options) error) *cobra.Command {
	return command.New(&cobra.Command{
		Use:   "fanout",
		Short: "Create the DataImportCrons of each template, one per architecture",
		Long: "Create the DataImportCrons of each template in SSP objects, one per architecture,\n" +
			"and delete those of its own that are wanted no more.",
		Example: "  fanout --templates=all --target-namespaces=team-images",
	}, NewOptions(), run)
}
