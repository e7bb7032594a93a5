package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes beside 0.
const (
	// found is of a command that did its work and returned ErrFindings.
	found = 1
	// failure is of wrong usage and of I/O that failed.
	failure = 2
)

// ErrFindings is returned by a command that did what it was asked to, and has told
// what it found.
var ErrFindings = errors.New("there are findings")

// Main executes the command and ends the process with its exit code. SIGINT and
// SIGTERM end the command's context.
func Main(cmd *cobra.Command) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := cmd.ExecuteContext(ctx)
	if errors.Is(err, ErrFindings) {
		os.Exit(found)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", cmd.Name(), err)
		os.Exit(failure)
	}
	os.Exit(0)
}
