package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// release is dicer at some revision, as a user has it.
type release struct {
	// version is its image's tag.
	version string
	// archive holds the image.
	archive string
	// install is the rendered file of overlays/default.
	install string
}

// makeRelease makes image and manifests in folder source, by its own Makefile.
// Further variables are make's.
func makeRelease(ctx context.Context, assets, source, version, target string, variables ...string) (*release, error) {
	args := append([]string{
		"--directory", source, "--no-print-directory", "image", "manifests",
		"VERSION=" + version, "IMAGE=dicer", "IMAGE_ARCH=" + runtime.GOARCH, "IMAGE_DIR=" + target, "MANIFEST_DIR=" + target,
	}, variables...)
	cmd := command(ctx, "make", args...)
	cmd.Env = append(withoutMake(os.Environ()), "KUBEBUILDER_ASSETS="+assets)
	if err := quietly(cmd); err != nil {
		return nil, err
	}
	rendered, err := os.ReadFile(filepath.Join(target, "default", "install.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		// Revisions before v0.1.0 have no MANIFEST_DIR.
		rendered, err = os.ReadFile(filepath.Join(source, "dist", "default", "install.yaml"))
	}
	if err != nil {
		return nil, err
	}
	r := &release{
		version: version,
		archive: filepath.Join(target, "dicer-image-"+runtime.GOARCH+".tar"),
		install: filepath.Join(target, "install.yaml"),
	}
	return r, writeFile(r.install, withImage(rendered, "dicer:"+version), 0o644)
}

// dicerImage is a line of a manifest that names dicer's image.
var dicerImage = regexp.MustCompile(`(?m)^(\s*(?:- )?image: )dicer(?::\S+)?$`)

// withImage does what an overlay's images: does: revisions before v0.1.0 render
// a tag that is not their image's.
func withImage(manifest []byte, name string) []byte {
	return dicerImage.ReplaceAll(manifest, []byte("${1}"+name))
}

// withoutMake leaves out what a make that runs this tells a make below it.
func withoutMake(environment []string) []string {
	var kept []string
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if name != "MAKEFLAGS" && name != "MFLAGS" && name != "MAKELEVEL" && name != "MAKEOVERRIDES" {
			kept = append(kept, variable)
		}
	}
	return kept
}

// preceding returns the revision that the upgrade starts from.
func preceding(ctx context.Context, asked string) (string, error) {
	if asked != "" {
		return git(ctx, "rev-parse", "--verify", asked+"^{commit}")
	}
	if tag, err := git(ctx, "describe", "--tags", "--abbrev=0", "HEAD^"); err == nil {
		return git(ctx, "rev-parse", tag+"^{commit}")
	}
	before, err := git(ctx, "rev-parse", "--verify", "HEAD^")
	if err != nil {
		return "", usageError(fmt.Sprintf("no revision to upgrade from: this clone has neither a tag nor a commit before this one; get them by git fetch --unshallow --tags, or name one by -previous: %v", err))
	}
	return before, nil
}

func git(ctx context.Context, args ...string) (string, error) {
	return output(command(ctx, "git", args...))
}

// makePrevious makes the release of another revision, in a folder of its own.
func makePrevious(ctx context.Context, assets, revision, dir string) (*release, error) {
	source := filepath.Join(dir, "source")
	if err := os.MkdirAll(source, 0o755); err != nil {
		return nil, err
	}
	if err := checkOut(ctx, revision, source); err != nil {
		return nil, err
	}
	version, err := git(ctx, "describe", "--tags", "--always", revision)
	if err != nil {
		return nil, err
	}
	cmd := command(ctx, "git", "show", "--no-patch", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd", revision)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	date, err := output(cmd)
	if err != nil {
		return nil, err
	}
	return makeRelease(ctx, assets, source, version, filepath.Join(dir, "release"), "COMMIT="+revision, "DATE="+date)
}

func checkOut(ctx context.Context, revision, dir string) error {
	return pipe(command(ctx, "git", "archive", revision), command(ctx, "tar", "--directory", dir, "--extract"))
}

// compileSuite builds the suite, since what runs in a network of its own cannot
// download modules.
func compileSuite(ctx context.Context, target string) error {
	cmd := command(ctx, "go", "test", "-c", "-tags", "kind", "-o", target, "./test/kind")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	return quietly(cmd)
}

// suiteCommand prepares the tests' run against the cluster.
func (r *runner) suiteCommand(ctx context.Context) *exec.Cmd {
	args := []string{
		"-test.v", "-test.timeout=60m",
		"-kubeconfig=" + r.cluster.kubeconfig(), "-kubectl=" + r.cluster.kubectl, "-helm=" + r.helm, "-node=" + r.cluster.node(),
		"-install=" + r.current.install, "-version=" + r.current.version,
		"-previous-install=" + r.previous.install, "-previous-version=" + r.previous.version,
		"-logs=" + r.options.Logs,
	}
	if r.options.Run != "" {
		args = append(args, "-test.run=^TestKind$/("+r.options.Run+")")
	}
	cmd := r.engine.inNetwork(ctx, r.suite, args...)
	// As go test does: its files are found from there.
	cmd.Dir = filepath.Join("test", "kind")
	return cmd
}
