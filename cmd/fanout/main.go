// Command fanout creates the DataImportCrons of each SSP template, one per
// architecture, and deletes its own that are wanted no more.
package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dicer-dev/dicer/internal/command"
)

func main() {
	command.Main(newCommand(run))
}

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
