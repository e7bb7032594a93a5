// Command webhook serves dicer's admission webhooks over TLS. It needs no
// kubeconfig and makes no API call: every answer comes from the AdmissionReview.
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
		Use:     "webhook",
		Short:   "Serve dicer's admission webhooks for SSP and DataImportCron objects",
		Long:    "Serve dicer's admission webhooks for SSP and DataImportCron objects over TLS.",
		Example: "  webhook --cert-dir=/tls --validation-action=Warn",
	}, NewOptions(), run)
}
