// Command metrics writes docs/metrics.md, and the same for the tests of
// hack/monitoring, from what both commands export while they run.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

//go:generate go run . ../..

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

// The files that are written, by their paths in the repository.
const (
	pageFile      = "docs/metrics.md"
	catalogueFile = "hack/monitoring/testdata/metrics.json"
)

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("arguments %q: want one, the repository's folder", args)
	}
	files, err := generate(ctx, args[0])
	if err != nil {
		return err
	}
	for path, content := range files {
		if err := os.WriteFile(filepath.Join(args[0], filepath.FromSlash(path)), content, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "metrics: %d files written\n", len(files))
	return nil
}

// generate returns what is written, by its path in the repository.
func generate(ctx context.Context, root string) (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "dicer-metrics-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	exported, err := scrape(ctx, dir)
	if err != nil {
		return nil, err
	}
	all, err := newCatalogue(root, exported)
	if err != nil {
		return nil, err
	}
	encoded, err := all.json()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{pageFile: all.page(), catalogueFile: encoded}, nil
}
