package gobuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stampFile lies beside the files and says what they were built from.
const stampFile = "stamp"

// Build is a recipe at a place that may hold what it makes.
type Build struct {
	Recipe
	stamp string
	log   io.Writer
}

// New works out what the recipe is made from; it builds nothing. log is told the
// progress.
func New(ctx context.Context, r Recipe, log io.Writer) (*Build, error) {
	root := filepath.Dir(r.Dir)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	goVersion, err := goVersion(ctx, root)
	if err != nil {
		return nil, err
	}
	return &Build{Recipe: r, stamp: r.stamp(goVersion, Platform()), log: log}, nil
}

// Stamp is a hash of all that the files are made from.
func (b *Build) Stamp() string { return b.stamp }

// File is where a command of the recipe is, once it is built.
func (b *Build) File(name string) string { return filepath.Join(b.Dir, name) }

// Current tells whether Dir holds what would be built now.
func (b *Build) Current() bool {
	found, err := os.ReadFile(filepath.Join(b.Dir, stampFile))
	if err != nil || string(found) != b.stamp {
		return false
	}
	for _, command := range b.Commands {
		if _, err := os.Stat(b.File(command.Name)); err != nil {
			return false
		}
	}
	return true
}

// Ensure builds unless another process has done so while this one waited.
func (b *Build) Ensure(ctx context.Context) error {
	unlock, err := Lock(ctx, b.Dir+".lock", func() {
		b.Say("another build is running; waiting for it")
	})
	if err != nil {
		return err
	}
	defer unlock()
	if b.Current() {
		return nil
	}
	if err := b.removeLeftovers(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(b.Dir), b.leftoverPrefix())
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := b.compile(ctx, work); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return b.publish(work)
}

func (b *Build) leftoverPrefix() string { return filepath.Base(b.Dir) + ".tmp-" }

// removeLeftovers clears up after builds that were killed outright. The lock is
// held, so none of them is still in use.
func (b *Build) removeLeftovers() error {
	root := filepath.Dir(b.Dir)
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), b.leftoverPrefix()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(root, entry.Name())))
		}
	}
	return err
}

// compile fills work/bin.
func (b *Build) compile(ctx context.Context, work string) error {
	for _, name := range []string{"bin", "module", "tmp"} {
		if err := os.Mkdir(filepath.Join(work, name), 0o755); err != nil {
			return err
		}
	}
	for name, content := range b.Module {
		if err := os.WriteFile(filepath.Join(work, "module", name), content, 0o644); err != nil {
			return err
		}
	}
	start := time.Now()
	b.Say("building %s into %s; the first build takes minutes", count(len(b.Commands), "command"), b.Dir)
	shown := newDisplay(b.log)
	for i, command := range b.Commands {
		s := &step{title: fmt.Sprintf("%s: [%d/%d] %s", b.Title, i+1, len(b.Commands), command.Name), pkg: command.Package}
		if err := b.compileOne(ctx, work, command.Name, s, shown); err != nil {
			return err
		}
	}
	b.Say("built in %s", clock(time.Since(start)))
	return os.WriteFile(filepath.Join(work, "bin", stampFile), []byte(b.stamp), 0o644)
}

func (b *Build) compileOne(ctx context.Context, work, name string, s *step, shown display) error {
	target := filepath.Join(work, "bin", name)
	cmd := goCommand(ctx, filepath.Join(work, "module"), b.Cgo, append(b.args(target), s.pkg)...)
	// Inside work, go's own temporary files are removed with it in every case.
	cmd.Env = append(cmd.Env, "GOTMPDIR="+filepath.Join(work, "tmp"))
	cmd.Stdout, cmd.Stderr = s, s
	start := time.Now()
	stop := shown.follow(s, start)
	err := runGroup(cmd)
	stop()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", s.pkg, err, s.output())
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	fmt.Fprintln(b.log, s.done(time.Since(start), info.Size()))
	return nil
}

// publish moves work/bin into place. What was there goes to work and is removed
// with it: no reader finds a part of a build, or a mixture of two.
func (b *Build) publish(work string) error {
	err := os.Rename(b.Dir, filepath.Join(work, "old"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(filepath.Join(work, "bin"), b.Dir)
}

// Say tells the log a line under the recipe's title.
func (b *Build) Say(format string, args ...any) {
	fmt.Fprintf(b.log, "%s: %s\n", b.Title, fmt.Sprintf(format, args...))
}
