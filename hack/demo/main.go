// Command demo shows dicer at work on a real API server that it starts itself:
// the fan-out controller, and what the webhook rejects and completes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	keep := flag.Bool("keep", false, "leave everything running until Ctrl-C, and print the kubeconfig to use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, newScreen(os.Stdout), *keep); {
	case errors.Is(err, errStop):
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	case err != nil && ctx.Err() != nil:
		fmt.Println("\nstopped; nothing is left running")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
