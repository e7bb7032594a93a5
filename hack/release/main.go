// Command release makes of the image's archives and the rendered manifests what is
// published: with the chart, a bill of materials for each architecture, licences
// and checksums. It also writes THIRD_PARTY_LICENSES, the licences of what is
// linked into the image's program and into kubectl's plugin, and fails on one that
// nobody has looked at.
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

//go:generate go run . licenses -root ../..
//go:generate go run . licenses -root ../../cmd/kubectl-dicer -program .

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("no command: want licenses or assemble")
	}
	o, err := newOptions(args[0], args[1:])
	if err != nil {
		return err
	}
	switch args[0] {
	case "licenses":
		return writeLicences(ctx, o, out)
	case "assemble":
		return assemble(ctx, o, out)
	default:
		return fmt.Errorf("command %q: want licenses or assemble", args[0])
	}
}
