package main

import (
	"flag"
	"fmt"
	"io"
	"strconv"
)

// The most that can be asked for.
const (
	maxReviews = 1_000_000_000
	maxStarts  = 1000
)

// soakOptions are what make soak sets.
type soakOptions struct {
	common
	// Reviews is how many are sent. Defaults to 100,000.
	Reviews int
	// Starts is how often the server is started to measure how long that takes.
	// Defaults to 10.
	Starts int
	// SSPs is how many SSPs of 1.8 MB are reviewed at a time in the end. Defaults
	// to 50.
	SSPs int
	// Images is a folder with archives of images, whose sizes are told. Defaults
	// to none.
	Images string
}

func newSoakOptions(args []string, out io.Writer) (*soakOptions, error) {
	o := &soakOptions{common: common{Format: formatText}}
	reviews, starts, ssps := "100000", "10", "50"
	flags := flag.NewFlagSet("load soak", flag.ContinueOnError)
	o.addFlags(flags)
	flags.Var(orDefault{&reviews}, "reviews", "`number` of reviews of 10 KB to send")
	flags.Var(orDefault{&starts}, "starts", "how `often` the start is measured")
	flags.Var(orDefault{&ssps}, "ssps", "`number` of SSPs of 1.8 MB that are reviewed at a time in the end")
	flags.StringVar(&o.Images, "images", o.Images, "`folder` of the image's archives, to tell their size")
	if err := parse(flags, args, out); err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	var err error
	if o.Reviews, err = strconv.Atoi(reviews); err != nil || o.Reviews < 1 || o.Reviews > maxReviews {
		return nil, usageError(fmt.Sprintf("invalid value %q for -reviews: want 1 to %d", reviews, maxReviews))
	}
	if o.Starts, err = strconv.Atoi(starts); err != nil || o.Starts < 1 || o.Starts > maxStarts {
		return nil, usageError(fmt.Sprintf("invalid value %q for -starts: want 1 to %d", starts, maxStarts))
	}
	if o.SSPs, err = strconv.Atoi(ssps); err != nil || o.SSPs < 1 || o.SSPs > maxCallers {
		return nil, usageError(fmt.Sprintf("invalid value %q for -ssps: want 1 to %d", ssps, maxCallers))
	}
	return o, nil
}
