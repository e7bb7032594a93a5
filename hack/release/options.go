package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

// options are those of both commands; make sets them all.
type options struct {
	// Root is the folder of the program's go.mod. Defaults to the current one.
	Root string
	// Program is the program's package. Defaults to the image's.
	Program string
	// Go is the go command. Defaults to the one in the PATH.
	Go string
	// Dir has the image's archives and manifests, and gets the rest. No default.
	Dir string
	// Version is the release's, and the image's tag. No default.
	Version string
	// Date is the commit's, as RFC 3339 in UTC. It is the time of everything in
	// the release, so that the same commit gives the same checksums. No default.
	Date string
	// Helm and CycloneDX are the commands helm and cyclonedx-gomod. No default.
	Helm, CycloneDX string
}

func newOptions(command string, args []string) (*options, error) {
	o := &options{Root: ".", Program: program, Go: "go"}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.StringVar(&o.Root, "root", o.Root, "folder of the program's go.mod")
	flags.StringVar(&o.Go, "go", o.Go, "go command")
	if command != "assemble" {
		flags.StringVar(&o.Program, "program", o.Program, "package of the program")
		return o, flags.Parse(args)
	}
	flags.StringVar(&o.Dir, "dir", o.Dir, "folder of the release")
	flags.StringVar(&o.Version, "version", o.Version, "version of the release")
	flags.StringVar(&o.Date, "date", o.Date, "date of the commit, as 2026-01-31T12:00:00Z")
	flags.StringVar(&o.Helm, "helm", o.Helm, "helm command")
	flags.StringVar(&o.CycloneDX, "cyclonedx", o.CycloneDX, "cyclonedx-gomod command")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return o, o.Validate()
}

// Validate returns every invalid option of assemble.
func (o *options) Validate() error {
	var errs []error
	for name, value := range map[string]string{"version": o.Version, "helm": o.Helm, "cyclonedx": o.CycloneDX} {
		if value == "" {
			errs = append(errs, fmt.Errorf("-%s is missing", name))
		}
	}
	if info, err := os.Stat(o.Dir); err != nil || !info.IsDir() {
		errs = append(errs, fmt.Errorf("invalid value %q for -dir: want a folder", o.Dir))
	}
	if _, err := o.created(); err != nil {
		errs = append(errs, fmt.Errorf("invalid value %q for -date: want one as 2026-01-31T12:00:00Z", o.Date))
	}
	return errors.Join(errs...)
}

func (o *options) created() (time.Time, error) {
	created, err := time.Parse(time.RFC3339, o.Date)
	return created.UTC(), err
}
