package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// binaries are built in this order; the first takes most of the time.
var binaries = []struct{ name, pkg string }{
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
}

// stampFile lies beside the binaries and says what they were built from.
const stampFile = "stamp"

// build is one version's place in the cache and all that decides its content.
type build struct {
	version  version
	dir      string // where the finished binaries are
	mod, sum []byte
	ldflags  string
	stamp    string
	log      io.Writer
}

// newBuild works out where version v belongs under root, which it creates, and
// what it would be built from; it builds nothing.
func newBuild(ctx context.Context, root string, v version, log io.Writer) (*build, error) {
	mod, err := pins.ReadFile(v.String() + ".mod")
	if err != nil {
		return nil, err
	}
	sum, err := pins.ReadFile(v.String() + ".sum")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	goVersion, err := goVersion(ctx, root)
	if err != nil {
		return nil, err
	}
	platform := runtime.GOOS + "-" + runtime.GOARCH
	ldflags := linkerFlags(v)
	return &build{
		version: v,
		dir:     filepath.Join(root, v.String()+"-"+platform),
		mod:     mod,
		sum:     sum,
		ldflags: ldflags,
		stamp:   stamp(string(mod), string(sum), goVersion, platform, ldflags),
		log:     log,
	}, nil
}

func goVersion(ctx context.Context, dir string) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("the go command is needed to build the control plane: %w", err)
	}
	var stdout, stderr strings.Builder
	cmd := goCommand(ctx, dir, "env", "GOVERSION")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go env GOVERSION: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// linkerFlags stamps the version as Kubernetes' own release does, so that
// kubectl, GET /version and the user agents name it.
func linkerFlags(v version) string {
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			fmt.Sprintf("-X %s.gitVersion=%s", pkg, v),
			fmt.Sprintf("-X %s.gitMajor=%d", pkg, v.major),
			fmt.Sprintf("-X %s.gitMinor=%d", pkg, v.minor),
			fmt.Sprintf("-X %s.gitCommit=unknown", pkg),
			fmt.Sprintf("-X %s.gitTreeState=clean", pkg),
		)
	}
	return strings.Join(flags, " ")
}

// stamp hashes inputs; the lengths keep neighbours from running together.
func stamp(inputs ...string) string {
	hash := sha256.New()
	for _, input := range inputs {
		fmt.Fprintf(hash, "%d:%s", len(input), input)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// current tells whether the cache holds what would be built now.
func (b *build) current() bool {
	found, err := os.ReadFile(filepath.Join(b.dir, stampFile))
	if err != nil || string(found) != b.stamp {
		return false
	}
	for _, binary := range binaries {
		if _, err := os.Stat(filepath.Join(b.dir, binary.name)); err != nil {
			return false
		}
	}
	return true
}

// ensure builds unless another process has done so while this one waited.
func (b *build) ensure(ctx context.Context) error {
	unlock, err := lock(ctx, b.dir+".lock", func() {
		b.say("another build is running; waiting for it")
	})
	if err != nil {
		return err
	}
	defer unlock()
	if b.current() {
		return nil
	}
	if err := b.removeLeftovers(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(b.dir), b.leftoverPrefix())
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

func (b *build) leftoverPrefix() string { return filepath.Base(b.dir) + ".tmp-" }

// removeLeftovers clears up after builds that were killed outright. The lock is
// held, so none of them is still in use.
func (b *build) removeLeftovers() error {
	root := filepath.Dir(b.dir)
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
func (b *build) compile(ctx context.Context, work string) error {
	for _, name := range []string{"bin", "module", "tmp"} {
		if err := os.Mkdir(filepath.Join(work, name), 0o755); err != nil {
			return err
		}
	}
	for name, content := range map[string][]byte{"go.mod": b.mod, "go.sum": b.sum} {
		if err := os.WriteFile(filepath.Join(work, "module", name), content, 0o644); err != nil {
			return err
		}
	}
	start := time.Now()
	b.say("building %d binaries into %s; the first build takes several minutes", len(binaries), b.dir)
	shown := newDisplay(b.log)
	for i, binary := range binaries {
		s := &step{title: fmt.Sprintf("controlplane %s: [%d/%d] %s", b.version, i+1, len(binaries), binary.name), pkg: binary.pkg}
		if err := b.compileOne(ctx, work, binary.name, s, shown); err != nil {
			return err
		}
	}
	b.say("built in %s", clock(time.Since(start)))
	return os.WriteFile(filepath.Join(work, "bin", stampFile), []byte(b.stamp), 0o644)
}

func (b *build) compileOne(ctx context.Context, work, name string, s *step, shown display) error {
	target := filepath.Join(work, "bin", name)
	cmd := goCommand(ctx, filepath.Join(work, "module"), "build", "-v", "-o", target, "-ldflags", b.ldflags, s.pkg)
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
func (b *build) publish(work string) error {
	err := os.Rename(b.dir, filepath.Join(work, "old"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(filepath.Join(work, "bin"), b.dir)
}

func (b *build) say(format string, args ...any) {
	fmt.Fprintf(b.log, "controlplane %s: %s\n", b.version, fmt.Sprintf(format, args...))
}
