package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dicer-dev/dicer/hack/controlplane/kubernetes"
)

func TestRun(t *testing.T) {
	versions, err := kubernetes.Pinned()
	if err != nil {
		t.Fatal(err)
	}
	var list string
	for _, v := range versions {
		list += v.String() + "\n"
	}
	tests := []struct {
		name   string
		args   []string
		env    string
		code   int
		stdout string // all of it
		stderr []string
	}{
		{name: "the list is newest first", args: []string{"-list"}, stdout: list},
		{name: "help explains the flags", args: []string{"-help"}, stderr: []string{"-version", "K8S_VERSION", "-list", "-print-dir"}},
		{name: "an unknown flag", args: []string{"-nope"}, code: 2, stderr: []string{"-nope"}},
		{name: "an argument", args: []string{"v1.36.3"}, code: 2, stderr: []string{`unexpected argument "v1.36.3"`}},
		{name: "a version that is not pinned", args: []string{"-version", "v1.30.0"}, code: 2, stderr: []string{"-version", `"v1.30.0"`}},
		{name: "the same from the environment", env: "v1.30.0", code: 2, stderr: []string{"K8S_VERSION", `"v1.30.0"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("K8S_VERSION", test.env)
			var stdout, stderr strings.Builder
			code := exitCode(run(t.Context(), test.args, &stdout, &stderr), &stderr)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if stdout.String() != test.stdout {
				t.Errorf("stdout %q, want %q", stdout.String(), test.stdout)
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr %q lacks %q", stderr.String(), want)
				}
			}
		})
	}
}

// fakeGo puts a go command first in PATH that writes a small file instead of
// building.
func fakeGo(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	script := `#!/bin/sh
if [ "$1" = env ]; then echo go1.99.0; exit; fi
while [ "$1" != -o ]; do shift; done
echo binary >"$2"
`
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestPrintDirBuildsNothing(t *testing.T) {
	fakeGo(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	versions, err := kubernetes.Pinned()
	if err != nil {
		t.Fatal(err)
	}
	oldest := versions[len(versions)-1].String()
	t.Setenv("K8S_VERSION", oldest)
	var stdout, stderr strings.Builder
	code := exitCode(run(t.Context(), []string{"-print-dir"}, &stdout, &stderr), &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "make controlplane K8S_VERSION="+oldest) {
		t.Errorf("exit code %d, stderr %q: want 1 and the command that builds it", code, stderr.String())
	}
	if err := run(t.Context(), nil, new(strings.Builder), new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	var again strings.Builder
	if err := run(t.Context(), []string{"-print-dir"}, &again, new(strings.Builder)); err != nil {
		t.Errorf("after the build: %v", err)
	}
	if stdout.String() != again.String() || strings.Count(again.String(), "\n") != 1 {
		t.Errorf("printed %q before the build and %q after it; want the same single line", stdout.String(), again.String())
	}
}

func TestExitCodeOfAnInterrupt(t *testing.T) {
	var stderr strings.Builder
	if code := exitCode(fmt.Errorf("building: %w", context.Canceled), &stderr); code != 130 {
		t.Errorf("exit code %d, want 130 as shells give it after Ctrl-C", code)
	}
}
