// Command controlplane builds kube-apiserver, etcd and kubectl from their Go
// modules, keeps them in the user's cache directory and prints where they are,
// so that tests and the demo need no download of binaries and no container.
// It runs on Linux and macOS.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// SIGPIPE too: when Ctrl-C has ended the tee that reads the progress, the
	// next line would otherwise kill this process before it has cleaned up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// exitCode tells the user what went wrong and returns the status to exit with:
// 2 for what the command line or the environment has to correct.
func exitCode(err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "controlplane: %v\n", err)
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "controlplane: interrupted; nothing half-built is left")
		return 130
	default:
		fmt.Fprintf(stderr, "controlplane: %v\n", err)
		return 1
	}
}
