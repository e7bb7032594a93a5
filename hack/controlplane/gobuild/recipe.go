// Package gobuild builds commands from the Go modules that they are published
// as, and keeps them in a folder until something of what they are built from
// changes. It is interrupted at any time without leaving anything half-built.
package gobuild

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Command is a main package, and the file that it becomes.
type Command struct {
	// Name is the file's. No default.
	Name string
	// Package is the import path. No default.
	Package string
}

// Recipe is all that decides what is built.
type Recipe struct {
	// Title names it to the person who waits: controlplane v1.36.3.
	Title string
	// Dir is where the finished files are. The folder that holds it is created.
	Dir string
	// Module are the files of the module that is built in: a go.mod and a
	// go.sum, which pin everything, and Go files where it has a main of its own.
	Module map[string][]byte
	// Commands are built in this order.
	Commands []Command
	// LDFlags are the linker's. Defaults to none.
	LDFlags string
	// Tags are build tags, separated by commas. Defaults to none.
	Tags string
	// Cgo allows C. Defaults to Go alone.
	Cgo bool
}

// args are those of go build before the package.
func (r *Recipe) args(target string) []string {
	return []string{"build", "-v", "-o", target, "-ldflags", r.LDFlags, "-tags", r.Tags}
}

// stamp is a hash of everything that decides the files' content.
func (r *Recipe) stamp(goVersion, platform string) string {
	inputs := []string{goVersion, platform, r.LDFlags, r.Tags, fmt.Sprint(r.Cgo)}
	for _, name := range slices.Sorted(maps.Keys(r.Module)) {
		inputs = append(inputs, name, string(r.Module[name]))
	}
	for _, c := range r.Commands {
		inputs = append(inputs, c.Name, c.Package)
	}
	// The lengths keep neighbours from running together.
	hash := sha256.New()
	for _, input := range inputs {
		fmt.Fprintf(hash, "%d:%s", len(input), input)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// ReadModule returns the files of a module that has no folders.
func ReadModule(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if entry.IsDir() {
			return nil, fmt.Errorf("%s: the module has a folder %s; want files alone", dir, entry.Name())
		}
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Platform is what is built for: this machine.
func Platform() string { return runtime.GOOS + "-" + runtime.GOARCH }

func goVersion(ctx context.Context, dir string) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("the go command is needed to build: %w", err)
	}
	var stdout, stderr strings.Builder
	cmd := goCommand(ctx, dir, false, "env", "GOVERSION")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go env GOVERSION: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
