// Command chart writes the Helm chart's templates, and those defaults of its
// values that stand in a manifest, from what kustomize renders of deploy/overlays.
// The chart has no manifest of its own.
package main

import (
	"fmt"
	"io"
	"os"
)

//go:generate go run . ../../deploy

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("arguments %q: want one, the folder deploy", args)
	}
	files, err := generate(args[0])
	if err != nil {
		return err
	}
	if err := files.write(args[0]); err != nil {
		return err
	}
	fmt.Fprintf(out, "chart: %d files written\n", len(files))
	return nil
}
