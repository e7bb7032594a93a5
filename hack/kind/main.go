// Command kind creates a kind cluster, installs what dicer needs beside it, runs
// the end-to-end suite of test/kind in it and deletes it. Node image and
// cert-manager are the published ones where a registry can be reached, and are
// built from Go modules and Debian's packages where none can.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// SIGPIPE too: when Ctrl-C has ended the tee that reads the progress, the next
	// line would otherwise kill this process before it has cleaned up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(exitCode(run(ctx, os.Args[1:], os.Stdout), os.Stderr))
}

// exitCode tells the user what went wrong and returns the status to exit with: 2
// for what the command line or the machine has to correct.
func exitCode(err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "kind:", err)
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "kind: interrupted:", err)
		return 130
	default:
		fmt.Fprintln(stderr, "kind:", err)
		return 1
	}
}
