package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/dicer-dev/dicer/hack/load/apiserver"
)

const (
	// maxWrites bounds what is in etcd at a time.
	maxWrites = 10_000
	// writeGuess is what a write takes, with what is done before and after.
	writeGuess = 5 * time.Millisecond
)

// apiserverOptions are what make load-apiserver sets.
type apiserverOptions struct {
	common
	// Rounds is how often everything is measured. Defaults to 6: the fewest whose
	// spread is a confidence interval.
	Rounds int
	// Writes is how many are sent for each figure of a round. Defaults to 300.
	Writes int
	// Callers are the numbers of callers at a time. Defaults to 1, 4 and 16.
	Callers []int
	// Plot is the file of the plot. Defaults to none.
	Plot string
}

func newAPIServerOptions(args []string, out io.Writer) (*apiserverOptions, error) {
	o := &apiserverOptions{common: common{Format: formatText}}
	rounds, writes, callers := "6", "300", "1,4,16"
	flags := flag.NewFlagSet("load apiserver", flag.ContinueOnError)
	o.addFlags(flags)
	flags.Var(orDefault{&rounds}, "rounds", "how `often` everything is measured")
	flags.Var(orDefault{&writes}, "writes", "how `many` writes each figure of a round is of")
	flags.Var(orDefault{&callers}, "callers", "`numbers` of callers at a time")
	flags.StringVar(&o.Plot, "plot", o.Plot, "`file` for a plot, in SVG")
	if err := parse(flags, args, out); err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	var err error
	if o.Rounds, err = number("rounds", rounds, maxRounds); err != nil {
		return nil, err
	}
	if o.Writes, err = number("writes", writes, maxWrites); err != nil {
		return nil, err
	}
	o.Callers, err = numbers("callers", callers, maxCallers)
	return o, err
}

func number(name, value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, usageError(fmt.Sprintf("invalid value %q for -%s: want 1 to %d", value, name, most))
	}
	return n, nil
}

// runAPIServer compares what is installed in an API server, one at a time.
func runAPIServer(ctx context.Context, args []string, out *output) error {
	o, err := newAPIServerOptions(args, out)
	if err != nil {
		return err
	}
	var told *progress
	result, err := apiserver.Run(ctx, apiserver.Options{
		Webhook: o.Webhook, Rounds: o.Rounds, Writes: o.Writes, Callers: o.Callers,
		Serve: serveCommand,
		Step: func(what string, total int) {
			if told == nil {
				told = newProgress(out, total, writeGuess*time.Duration(o.Writes))
			}
			told.step(what)
		},
	})
	if told != nil {
		told.end()
	}
	if err != nil {
		return err
	}
	return o.write(result, o.Plot, out)
}

// serveCommand runs a server of package contestant by this program.
func serveCommand(name string, port int, certDir string) (binary string, args []string, err error) {
	binary, err = os.Executable()
	return binary, []string{"serve", "-name=" + name, "-port=" + strconv.Itoa(port), "-cert-dir=" + certDir}, err
}
