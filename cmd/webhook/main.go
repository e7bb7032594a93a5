// Command webhook serves dicer's admission webhooks over TLS. It needs no
// kubeconfig and makes no API call: every answer comes from the AdmissionReview.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(exitCode(newCommand(run).ExecuteContext(ctx)))
}

// exitCode reports an error: 2 for usage or I/O, as all of dicer's commands.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "webhook:", err)
	return 2
}
