package main

import (
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dicer-dev/dicer/hack/load/contestant"
	"github.com/dicer-dev/dicer/hack/load/drive"
)

// dicer is what the real webhook server is called beside the others.
const dicer = "dicer"

// contestants are all servers, in the order that they are told.
var contestants = []string{contestant.Bare, contestant.Allow, contestant.Typed, dicer}

// The most that can be asked for: more than 250 at a time HTTP/2 does not put on
// one connection, and 1 MB is about what an API server takes.
const (
	maxCallers = 250
	maxBody    = 1000
	maxRounds  = 1000
)

// serverOptions are what make load sets.
type serverOptions struct {
	common
	// Rounds is how often everything is measured. Defaults to 6: the fewest whose
	// spread is a confidence interval.
	Rounds int
	// Duration is how long each contestant is measured in each cell and round.
	// Defaults to 500 ms.
	Duration time.Duration
	// Connections, Callers, Bodies (in KB) and Contestants are what is measured.
	// Default: h2, http/1.1 and fresh; 1, 16 and 128; 2, 10 and 200; all.
	Connections, Contestants []string
	Callers, Bodies          []int
	// Plot is the file of the plot. Defaults to none.
	Plot string
}

func newServerOptions(args []string, out io.Writer) (*serverOptions, error) {
	o := &serverOptions{common: common{Format: formatText}}
	var allConnections []string
	for _, c := range drive.Connections {
		allConnections = append(allConnections, string(c))
	}
	rounds, duration, callers, bodies := "6", "500ms", "1,16,128", "2,10,200"
	connections, names := strings.Join(allConnections, ","), strings.Join(contestants, ",")
	flags := flag.NewFlagSet("load server", flag.ContinueOnError)
	o.addFlags(flags)
	flags.Var(orDefault{&rounds}, "rounds", "how `often` everything is measured")
	flags.Var(orDefault{&duration}, "duration", "how `long` each server is measured with each load in each round")
	flags.Var(orDefault{&connections}, "connections", "kinds of connection")
	flags.Var(orDefault{&callers}, "callers", "`numbers` of callers at a time")
	flags.Var(orDefault{&bodies}, "bodies", "`sizes` of reviews in KB")
	flags.Var(orDefault{&names}, "servers", "servers to compare; dicer is one of them in any case")
	flags.StringVar(&o.Plot, "plot", o.Plot, "`file` for a plot, in SVG")
	if err := parse(flags, args, out); err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	var err error
	if o.Duration, err = time.ParseDuration(duration); err != nil || o.Duration <= 0 || o.Duration > time.Minute {
		return nil, usageError(fmt.Sprintf("invalid value %q for -duration: want 1ns to 1m", duration))
	}
	if o.Rounds, err = strconv.Atoi(rounds); err != nil || o.Rounds < 1 || o.Rounds > maxRounds {
		return nil, usageError(fmt.Sprintf("invalid value %q for -rounds: want 1 to %d", rounds, maxRounds))
	}
	if o.Callers, err = numbers("callers", callers, maxCallers); err != nil {
		return nil, err
	}
	if o.Bodies, err = numbers("bodies", bodies, maxBody); err != nil {
		return nil, err
	}
	if o.Connections, err = texts("connections", connections, allConnections); err != nil {
		return nil, err
	}
	o.Contestants, err = chosen(names)
	return o, err
}

// chosen are the contestants of a list, in their own order, dicer among them.
func chosen(value string) ([]string, error) {
	names, err := texts("servers", value, contestants)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{dicer: true}
	for _, name := range names {
		named[name] = true
	}
	var list []string
	for _, name := range contestants {
		if named[name] {
			list = append(list, name)
		}
	}
	return list, nil
}
