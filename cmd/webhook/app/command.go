// Package app is the webhook server: its flags, and what it does from start to
// stop.
package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dicer-dev/dicer/internal/command"
)

// NewCommand makes the command that serves the webhooks.
func NewCommand() *cobra.Command { return newCommand(run) }

// newCommand makes the command that reads the flags and hands them to run.
func newCommand(run func(context.Context, *Options) error) *cobra.Command {
	return command.New(&cobra.Command{
		Use:     "webhook",
		Short:   "Serve dicer's admission webhooks for SSP and DataImportCron objects",
		Long:    "Serve dicer's admission webhooks for SSP and DataImportCron objects over TLS.",
		Example: "  webhook --cert-dir=/tls --validation-action=Warn",
	}, NewOptions(), run)
}
