package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
	"github.com/dicer-dev/dicer/hack/controlplane/kubernetes"
)

// usageError is what the caller has to correct.
type usageError string

func (e usageError) Error() string { return string(e) }

// options is what the command line asks for.
type options struct {
	version  string // Kubernetes version, default $K8S_VERSION, then the newest pinned one
	list     bool   // print the pinned versions, newest first; default false
	printDir bool   // print the directory and build nothing; default false
}

func (o *options) addFlags(flags *flag.FlagSet) {
	flags.StringVar(&o.version, "version", "", "Kubernetes `version` to build, with or without the leading v (default $K8S_VERSION, then the newest)")
	flags.BoolVar(&o.list, "list", false, "only print the versions that can be built, newest first")
	flags.BoolVar(&o.printDir, "print-dir", false, "only print the directory; fail if it does not hold a current build")
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var opts options
	flags := flag.NewFlagSet("controlplane", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by exitCode
	opts.addFlags(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		flags.Usage()
		return nil
	case err != nil:
		return usageError(err.Error())
	case flags.NArg() > 0:
		return usageError(fmt.Sprintf("unexpected argument %q", flags.Arg(0)))
	}
	versions, err := kubernetes.Pinned()
	if err != nil {
		return err
	}
	if opts.list {
		for _, v := range versions {
			fmt.Fprintln(stdout, v)
		}
		return nil
	}
	v, err := kubernetes.Choose(versions, opts.version, os.Getenv("K8S_VERSION"))
	if err != nil {
		return usageError(err.Error())
	}
	return provide(ctx, v, opts.printDir, stdout, stderr)
}

// provide prints the directory of version v's binaries, after building them if
// the cache does not hold them as they would be built now.
func provide(ctx context.Context, v kubernetes.Version, printOnly bool, stdout, stderr io.Writer) error {
	dir, err := kubernetes.ControlPlaneDir(v)
	if err != nil {
		return err
	}
	recipe, err := kubernetes.Recipe(v, "controlplane", dir, kubernetes.ControlPlane)
	if err != nil {
		return err
	}
	b, err := gobuild.New(ctx, recipe, stderr)
	if err != nil {
		return err
	}
	built := b.Current()
	switch {
	case printOnly && !built:
		fmt.Fprintln(stdout, b.Dir)
		return fmt.Errorf("%s is not built, or was built from other pins or by another Go: run `make controlplane K8S_VERSION=%s`", v, v)
	case !printOnly && built:
		b.Say("already built")
	case !built:
		if err := b.Ensure(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, b.Dir)
	return nil
}
