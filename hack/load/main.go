// Command load measures dicer's webhook server under load: server compares it
// with others, apiserver does so through an API server, soak watches its memory
// and its start. It fails where an answer is
// wrong, never because one is slow.
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

const usage = `Usage: load MODE [flags]

Modes:
  server     compare the webhook server with others, under the same load
  apiserver  compare writes through a real API server, by what is installed there
  soak       sizes, start and memory of the webhook server

load MODE -help lists a mode's flags.
`

// modes are what the first argument chooses. serve is server's own: it runs one
// of the servers that are compared.
var modes = map[string]func(ctx context.Context, args []string, out *output) error{
	"server":    runServer,
	"apiserver": runAPIServer,
	"soak":      runSoak,
	"serve":     runServe,
}

func main() {
	// SIGPIPE too: when Ctrl-C has ended the tee that reads the progress, the next
	// line would otherwise kill this process before it has cleaned up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], &output{Writer: os.Stdout, progress: os.Stderr, terminal: isTerminal(os.Stderr)})
	os.Exit(exitCode(ctx, err, os.Stderr))
}

func run(ctx context.Context, args []string, out *output) error {
	if len(args) > 0 {
		if mode, ok := modes[args[0]]; ok {
			return mode(ctx, args[1:], out)
		}
	}
	switch {
	case len(args) == 0:
		return usageError("no mode\n\n" + usage)
	case args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help":
		fmt.Fprint(out, usage)
		return nil
	}
	return usageError(fmt.Sprintf("unknown mode %q\n\n%s", args[0], usage))
}

// usageError is what the caller has to correct.
type usageError string

func (e usageError) Error() string { return string(e) }

// exitCode tells the user what went wrong and returns the status to exit with.
func exitCode(ctx context.Context, err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "load:", err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "load: interrupted; nothing is left running")
		return 130
	default:
		fmt.Fprintln(stderr, "load:", err)
		return 1
	}
}
