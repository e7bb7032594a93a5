package gobuild

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

func newTestBuild(t *testing.T, root string) *Build {
	t.Helper()
	b, err := New(t.Context(), testRecipe(root), new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testRecipe is one of two commands.
func testRecipe(root string) Recipe {
	return Recipe{
		Title:    "things v1",
		Dir:      filepath.Join(root, "things"),
		Module:   map[string][]byte{"go.mod": []byte("mod"), "go.sum": []byte("sum")},
		Commands: []Command{{Name: "large", Package: "a.io/cmd/large"}, {Name: "small", Package: "a.io/cmd/small"}},
		LDFlags:  "-s",
	}
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
	if b.Current() {
		t.Fatal("current before any build")
	}
	// What a build that was killed outright leaves behind.
	leftover := b.Dir + ".tmp-1"
	if err := os.MkdirAll(filepath.Join(leftover, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, b.Dir), []string{"large", "small", "stamp"}; !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", b.Dir, got, want)
	}
	base := filepath.Base(b.Dir)
	if got, want := names(t, root), []string{base, base + ".lock"}; !slices.Equal(got, want) {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
	if second := newTestBuild(t, root); !second.Current() {
		t.Error("a second clone would build again")
	}

	changed := newTestBuild(t, root)
	changed.stamp = "other pins"
	if changed.Current() {
		t.Error("other pins found the old build current")
	}
	if err := changed.Ensure(t.Context()); err != nil || !changed.Current() {
		t.Errorf("replacing the old build: %v", err)
	}
	log, _ := os.ReadFile(builds)
	if got := strings.Count(string(log), "\n"); got != 4 {
		t.Errorf("go built %d binaries in two builds, want 4", got)
	}
	if err := os.Remove(filepath.Join(changed.Dir, "small")); err != nil {
		t.Fatal(err)
	}
	if changed.Current() {
		t.Error("current without one of its files")
	}
}

func TestTheStampDependsOnEachInput(t *testing.T) {
	r := testRecipe("")
	seen := map[string]string{r.stamp("go1.26.0", "linux-amd64"): "nothing"}
	add := func(what, stamp string) {
		if same, found := seen[stamp]; found {
			t.Errorf("the stamp is the same after a change of %s and of %s", what, same)
		}
		seen[stamp] = what
	}
	add("Go", r.stamp("go1.26.1", "linux-amd64"))
	add("the platform", r.stamp("go1.26.0", "linux-arm64"))
	for what, change := range map[string]func(*Recipe){
		"go.mod":             func(r *Recipe) { r.Module["go.mod"] = []byte("mod2") },
		"go.sum":             func(r *Recipe) { r.Module["go.sum"] = []byte("sum2") },
		"the files' borders": func(r *Recipe) { r.Module = map[string][]byte{"go.mod": []byte("modgo.sumsum")} },
		"a new file":         func(r *Recipe) { r.Module["main.go"] = nil },
		"a command":          func(r *Recipe) { r.Commands = r.Commands[:1] },
		"a package":          func(r *Recipe) { r.Commands[0].Package += "2" },
		"the linker's flags": func(r *Recipe) { r.LDFlags = "-w" },
		"the tags":           func(r *Recipe) { r.Tags = "seccomp" },
		"cgo":                func(r *Recipe) { r.Cgo = true },
	} {
		changed := testRecipe("")
		change(&changed)
		add(what, changed.stamp("go1.26.0", "linux-amd64"))
	}
}

func TestTheFlagsReachGo(t *testing.T) {
	root, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	fakeGo(t, "")
	script := `#!/bin/sh
if [ "$1" = env ]; then echo go1.99.0; exit; fi
echo "$CGO_ENABLED $*" >>"` + calls + `"; cat main.go >>"` + calls + `"
while [ "$1" != -o ]; do shift; done
echo binary >"$2"
`
	if err := os.WriteFile(filepath.Join(filepath.SplitList(os.Getenv("PATH"))[0], "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := testRecipe(root)
	r.Module["main.go"], r.Tags, r.Cgo, r.Commands = []byte("package main\n"), "a,b", true, r.Commands[:1]
	b, err := New(t.Context(), r, new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(got), "1 build -v -o ") || !strings.HasSuffix(string(got), "/bin/large -ldflags -s -tags a,b a.io/cmd/large\npackage main\n") {
		t.Errorf("go was called as %q", got)
	}
}

func TestAModuleIsReadWhole(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "main.go"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := ReadModule(dir)
	if err != nil || len(files) != 2 || string(files["main.go"]) != "main.go" {
		t.Errorf("ReadModule() = %v, %v", files, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "pkg"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadModule(dir); err == nil || !strings.Contains(err.Error(), "pkg") {
		t.Errorf("a module with a folder: error %v, want one that names it", err)
	}
}

func TestAFailedBuildKeepsTheOldOne(t *testing.T) {
	root := t.TempDir()
	fakeGo(t, "")
	b := newTestBuild(t, root)
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := names(t, root)

	fakeGo(t, `echo errors; echo "# a.io/b"; echo "b.go:1:2: undefined: c"; exit 1`)
	changed := newTestBuild(t, root)
	changed.stamp = "other pins"
	err := changed.Ensure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "b.go:1:2: undefined: c") || strings.Contains(err.Error(), "\nerrors") {
		t.Errorf("error %v; want the compiler's message without the progress", err)
	}
	if after := names(t, root); !slices.Equal(before, after) {
		t.Errorf("the cache held %v, now %v", before, after)
	}
	if !b.Current() {
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
	if err := b.Ensure(ctx); !errors.Is(err, context.Canceled) {
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
	if got, want := names(t, root), []string{filepath.Base(b.Dir) + ".lock"}; !slices.Equal(got, want) {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
}

func TestTwoAtOnceBuildOnce(t *testing.T) {
	root, builds := t.TempDir(), fakeGo(t, "sleep 0.1")
	var group sync.WaitGroup
	for range 2 {
		b := newTestBuild(t, root)
		group.Go(func() {
			if err := b.Ensure(t.Context()); err != nil || !b.Current() {
				t.Errorf("ensure: %v", err)
			}
		})
	}
	group.Wait()
	log, _ := os.ReadFile(builds)
	if got, want := string(log), "large\nsmall\n"; got != want {
		t.Errorf("built %q, want each binary once", got)
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path, func() { t.Error("waited for a lock that nobody has") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Lock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	unlock()
	if unlock, err = Lock(t.Context(), path, func() { t.Error("waited for a released lock") }); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestGoRunsFreeOfTheCallersModuleSettings(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "/elsewhere/go.work")
	t.Setenv("CGO_ENABLED", "1")
	env := goCommand(t.Context(), t.TempDir(), false, "version").Environ()
	for _, want := range []string{"GOFLAGS=-buildvcs=false", "GOWORK=off", "CGO_ENABLED=0"} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
}
