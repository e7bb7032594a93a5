package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fakeGo puts a go command first in PATH that writes a small file instead of
// building, after running the given shell code. It returns the file in which
// each build leaves a line.
func fakeGo(t *testing.T, during string) (builds string) {
	t.Helper()
	dir := t.TempDir()
	builds = filepath.Join(dir, "builds")
	script := `#!/bin/sh
if [ "$1" = env ]; then echo go1.99.0; exit; fi
while [ "$1" != -o ]; do shift; done
echo "${2##*/}" >>"` + builds + `"
` + during + `
echo binary >"$2"
`
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return builds
}

func newTestBuild(t *testing.T, root string) *build {
	t.Helper()
	versions, err := pinned(pins)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBuild(t.Context(), root, versions[0], new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

func TestABuildIsKeptUntilItsInputsChange(t *testing.T) {
	root, builds := t.TempDir(), fakeGo(t, "")
	b := newTestBuild(t, root)
	if b.current() {
		t.Fatal("current before any build")
	}
	// What a build that was killed outright leaves behind.
	leftover := b.dir + ".tmp-1"
	if err := os.MkdirAll(filepath.Join(leftover, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, b.dir), []string{"etcd", "kube-apiserver", "kubectl", "stamp"}; !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", b.dir, got, want)
	}
	base := filepath.Base(b.dir)
	if got, want := names(t, root), []string{base, base + ".lock"}; !slices.Equal(got, want) {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
	if second := newTestBuild(t, root); !second.current() {
		t.Error("a second clone would build again")
	}

	changed := newTestBuild(t, root)
	changed.stamp = "other pins"
	if changed.current() {
		t.Error("other pins found the old build current")
	}
	if err := changed.ensure(t.Context()); err != nil || !changed.current() {
		t.Errorf("replacing the old build: %v", err)
	}
	log, _ := os.ReadFile(builds)
	if got := strings.Count(string(log), "\n"); got != 6 {
		t.Errorf("go built %d binaries in two builds, want 6", got)
	}
	if err := os.Remove(filepath.Join(changed.dir, "etcd")); err != nil {
		t.Fatal(err)
	}
	if changed.current() {
		t.Error("current without etcd")
	}
}

func TestStampDependsOnEachInput(t *testing.T) {
	inputs := []string{"mod", "sum", "go1.26.0", "linux-amd64", "-s"}
	seen := map[string]bool{stamp(inputs...): true}
	for i := range inputs {
		changed := slices.Clone(inputs)
		changed[i] += "x"
		seen[stamp(changed...)] = true
	}
	seen[stamp("mods", "um", "go1.26.0", "linux-amd64", "-s")] = true
	if len(seen) != len(inputs)+2 {
		t.Errorf("%d different stamps, want %d", len(seen), len(inputs)+2)
	}
}

func TestLinkerFlagsNameTheVersion(t *testing.T) {
	flags := linkerFlags(version{1, 36, 3})
	for _, want := range []string{"version.gitVersion=v1.36.3", "version.gitMajor=1", "version.gitMinor=36", "version.gitTreeState=clean"} {
		if !strings.Contains(flags, "-X k8s.io/component-base/"+want) {
			t.Errorf("%q lacks %q", flags, want)
		}
	}
}

func TestAFailedBuildKeepsTheOldOne(t *testing.T) {
	root := t.TempDir()
	fakeGo(t, "")
	b := newTestBuild(t, root)
	if err := b.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := names(t, root)

	fakeGo(t, `echo errors; echo "# a.io/b"; echo "b.go:1:2: undefined: c"; exit 1`)
	changed := newTestBuild(t, root)
	changed.stamp = "other pins"
	err := changed.ensure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "b.go:1:2: undefined: c") || strings.Contains(err.Error(), "\nerrors") {
		t.Errorf("error %v; want the compiler's message without the progress", err)
	}
	if after := names(t, root); !slices.Equal(before, after) {
		t.Errorf("the cache held %v, now %v", before, after)
	}
	if !b.current() {
		t.Error("the old build is gone")
	}
}

func TestAnInterruptEndsTheChildrenAndLeavesNothing(t *testing.T) {
	root, pids := t.TempDir(), filepath.Join(t.TempDir(), "pids")
	// The grandchild stands for a compiler, which go does not stop by itself.
	fakeGo(t, `sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 60' "`+pids+`"`)
	b := newTestBuild(t, root)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var grandchild int
	go func() {
		defer cancel()
		for range 500 {
			if text, err := os.ReadFile(pids); err == nil {
				grandchild, _ = strconv.Atoi(strings.TrimSpace(string(text)))
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if err := b.ensure(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if grandchild == 0 {
		t.Fatal("the build had not begun")
	}
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(grandchild, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the grandchild is still running")
		}
	}
	if got, want := names(t, root), []string{filepath.Base(b.dir) + ".lock"}; !slices.Equal(got, want) {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
}

func TestTwoAtOnceBuildOnce(t *testing.T) {
	root, builds := t.TempDir(), fakeGo(t, "sleep 0.1")
	var group sync.WaitGroup
	for range 2 {
		b := newTestBuild(t, root)
		group.Go(func() {
			if err := b.ensure(t.Context()); err != nil || !b.current() {
				t.Errorf("ensure: %v", err)
			}
		})
	}
	group.Wait()
	log, _ := os.ReadFile(builds)
	if got, want := string(log), "kube-apiserver\netcd\nkubectl\n"; got != want {
		t.Errorf("built %q, want each binary once", got)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, func() { t.Error("waited for a lock that nobody has") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	unlock()
	if unlock, err = lock(t.Context(), path, func() { t.Error("waited for a released lock") }); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestGoRunsFreeOfTheCallersModuleSettings(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "/elsewhere/go.work")
	t.Setenv("CGO_ENABLED", "1")
	env := goCommand(t.Context(), t.TempDir(), "version").Environ()
	for _, want := range []string{"GOFLAGS=-buildvcs=false", "GOWORK=off", "CGO_ENABLED=0"} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
}
