package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// program is what the image holds, and dicer the module that it is of.
const (
	program = "./cmd/dicer"
	dicer   = "github.com/dicer-dev/dicer"
)

// standard is the module of Go's own packages, as bills of materials call it.
const standard = "std"

// module is a module of which something is linked.
type module struct {
	Path, Dir string
	// Packages are the folders of its linked packages.
	Packages []string
}

// linked returns what is linked into the program for the architectures, dicer itself
// excepted, by path.
func linked(ctx context.Context, o *options, architectures ...string) (map[string]*module, error) {
	modules := map[string]*module{}
	for _, arch := range architectures {
		packages, err := list(ctx, o, arch)
		if err != nil {
			return nil, fmt.Errorf("linux/%s: %w", arch, err)
		}
		for _, p := range packages {
			path, dir := p.module()
			if path == "" {
				continue
			}
			m := modules[path]
			if m == nil {
				m = &module{Path: path, Dir: dir}
				modules[path] = m
			}
			if !slices.Contains(m.Packages, p.Dir) {
				m.Packages = append(m.Packages, p.Dir)
			}
		}
	}
	return modules, placeGo(ctx, o, modules)
}

// listed is what matters of a package that go list tells of.
type listed struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Dir string
		Main      bool
	}
}

// module is the package's; dicer's own have none.
func (p *listed) module() (path, dir string) {
	switch {
	case p.Standard:
		return standard, ""
	case p.Module == nil || p.Module.Main || p.Module.Path == dicer:
		return "", ""
	}
	return p.Module.Path, p.Module.Dir
}

// list tells of the packages that are compiled for the program.
func list(ctx context.Context, o *options, arch string) ([]listed, error) {
	output, err := runGo(ctx, o, arch, "list", "-deps", "-json=Dir,Standard,Module", o.Program)
	if err != nil {
		return nil, err
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// placeGo sets where the licence of Go's own packages is: in GOROOT, or, where a
// distribution has moved it, in a module of the same authors with the same text.
func placeGo(ctx context.Context, o *options, modules map[string]*module) error {
	m, same := modules[standard], modules["golang.org/x/sys"]
	if m == nil {
		return nil
	}
	output, err := runGo(ctx, o, "", "env", "GOROOT")
	if err != nil {
		return err
	}
	m.Dir = strings.TrimSpace(string(output))
	if _, err := os.Stat(filepath.Join(m.Dir, "LICENSE")); err != nil && same != nil {
		m.Dir = same.Dir
	}
	// Its packages are all Go's, also those that it has of golang.org/x.
	m.Packages = []string{m.Dir}
	return nil
}

func runGo(ctx context.Context, o *options, arch string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, o.Go, args...)
	cmd.Dir = o.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-buildvcs=false", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return output, nil
}
