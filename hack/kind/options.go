package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// usageError is what the caller or the machine has to correct.
type usageError string

func (e usageError) Error() string { return string(e) }

// Where the node image and cert-manager come from.
const (
	sourceAuto      = "auto"
	sourcePublished = "published"
	sourceBuilt     = "built"
)

var sources = []string{sourceAuto, sourcePublished, sourceBuilt}

// options are what make e2e-kind sets.
type options struct {
	// Source is one of sources. Defaults to auto: published where a container
	// engine can pull kind's own node image, else built.
	Source string
	// Version stamps dicer's image, and is its tag. No default.
	Version string
	// Previous is the revision that the upgrade starts from. Defaults to the tag
	// before this commit, or, without any, to the commit before it.
	Previous string
	// Run limits the suite to cases whose names match, as go test -run. Defaults
	// to all.
	Run string
	// Keep leaves cluster and engine running. Defaults to false.
	Keep bool
	// Check only tells whether everything that takes minutes is built. Defaults
	// to false.
	Check bool
	// Logs is the folder where the traces of a failure are kept. Defaults to
	// dist/kind-failed.
	Logs string
}

func newOptions(args []string, out io.Writer) (*options, error) {
	o := &options{Source: sourceAuto, Logs: "dist/kind-failed"}
	flags := flag.NewFlagSet("kind", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by exitCode
	flags.StringVar(&o.Source, "source", o.Source, "where node image and cert-manager come from: "+strings.Join(sources, ", "))
	flags.StringVar(&o.Version, "version", o.Version, "`version` of dicer's image, and its tag")
	flags.StringVar(&o.Previous, "previous", o.Previous, "`revision` to upgrade from (default the preceding tag)")
	flags.StringVar(&o.Run, "run", o.Run, "`regexp` of the suite's cases to run (default all)")
	flags.BoolVar(&o.Keep, "keep", o.Keep, "leave the cluster running")
	flags.BoolVar(&o.Check, "check", o.Check, "only tell, by the exit status, whether everything is built")
	flags.StringVar(&o.Logs, "logs", o.Logs, "`folder` for the traces of a failure")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return nil, err
	case err != nil:
		return nil, usageError(err.Error())
	case flags.NArg() > 0:
		return nil, usageError(fmt.Sprintf("unexpected argument %q", flags.Arg(0)))
	}
	return o, o.complete()
}

// complete fills in defaults and returns the first invalid option.
func (o *options) complete() error {
	// make passes a variable that nobody set as the empty string.
	if o.Source == "" {
		o.Source = sourceAuto
	}
	if !slices.Contains(sources, o.Source) {
		return usageError(fmt.Sprintf("invalid value %q for -source: want one of %s", o.Source, strings.Join(sources, ", ")))
	}
	if o.Version == "" && !o.Check {
		return usageError("-version is required: the tag of dicer's image")
	}
	// Other programs run in other folders.
	logs, err := filepath.Abs(o.Logs)
	o.Logs = logs
	return err
}
