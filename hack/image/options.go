package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// options say what is made; make image sets them all.
type options struct {
	// Version is the image's tag. No default.
	Version string
	// Commit is the hash of the commit. No default.
	Commit string
	// Date is the commit's, as RFC 3339 in UTC. It is the time of everything in
	// the image, so that the same commit gives the same digest. No default.
	Date string
	// Go is the go command. Defaults to the one in the PATH.
	Go string
	// LDFlags are the linker's. Defaults to none.
	LDFlags string
	// Arch are GOARCH values, separated by commas. Defaults to the three that
	// KubeVirt runs on.
	Arch string
	// Dir is the folder of the archives. Defaults to bin.
	Dir string
}

// tag is what a registry accepts as one.
var tag = regexp.MustCompile(`^\w[\w.-]{0,127}$`)

func newOptions(args []string) (*options, error) {
	o := &options{Go: "go", Arch: "amd64,arm64,s390x", Dir: "bin"}
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.Version, "version", o.Version, "tag of the image")
	flags.StringVar(&o.Commit, "commit", o.Commit, "hash of the commit")
	flags.StringVar(&o.Date, "date", o.Date, "date of the commit, as 2026-01-31T12:00:00Z")
	flags.StringVar(&o.Go, "go", o.Go, "go command")
	flags.StringVar(&o.LDFlags, "ldflags", o.LDFlags, "flags of the linker")
	flags.StringVar(&o.Arch, "arch", o.Arch, "architectures, separated by commas")
	flags.StringVar(&o.Dir, "dir", o.Dir, "folder of the archives")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return o, o.Validate()
}

// Validate returns every invalid option.
func (o *options) Validate() error {
	var errs []error
	if !tag.MatchString(o.Version) {
		errs = append(errs, fmt.Errorf("invalid value %q for -version: want an image's tag", o.Version))
	}
	if _, err := o.created(); err != nil {
		errs = append(errs, fmt.Errorf("invalid value %q for -date: want one as 2026-01-31T12:00:00Z; outside a git clone set it by make image DATE=", o.Date))
	}
	for _, arch := range o.architectures() {
		if arch == "" || strings.ContainsAny(arch, " /") {
			errs = append(errs, fmt.Errorf("invalid value %q for -arch: want GOARCH values separated by commas", o.Arch))
			break
		}
	}
	return errors.Join(errs...)
}

func (o *options) created() (time.Time, error) {
	created, err := time.Parse(time.RFC3339, o.Date)
	return created.UTC(), err
}

func (o *options) architectures() []string { return strings.Split(o.Arch, ",") }
