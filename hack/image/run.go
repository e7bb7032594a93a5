package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// repository is the image's name; dicer:v1 is what kind and docker call it.
const repository = "dicer"

// program is what is compiled: both commands in one file.
const program = "dicer"

// commands are the program's names in the image, in the order that they have
// there.
var commands = []string{"fanout", "webhook"}

// licences are the files that go with it, in the order that they have there. Both
// are in the folder that the program is compiled in.
var licences = []string{"LICENSE", "THIRD_PARTY_LICENSES"}

// run makes one archive after the other: the go command uses all cores for one.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := newOptions(args)
	if err != nil {
		return err
	}
	staging, err := os.MkdirTemp("", "dicer-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	var images []*image
	for _, arch := range o.architectures() {
		made, err := makeOne(ctx, o, arch, staging, out)
		if err != nil {
			return fmt.Errorf("linux/%s: %w", arch, err)
		}
		images = append(images, made)
	}
	return writeAll(o, images, out)
}

// writeAll writes what a registry is to have.
func writeAll(o *options, images []*image, out io.Writer) error {
	created, err := o.created()
	if err != nil {
		return err
	}
	path := filepath.Join(o.Dir, "dicer-image.tar")
	if err := writeIndexArchive(path, images, o.Version, created); err != nil {
		return err
	}
	fmt.Fprintf(out, "image: %s: %s in one, for a registry\n", path, o.Arch)
	return nil
}

func makeOne(ctx context.Context, o *options, arch, staging string, out io.Writer) (*image, error) {
	fmt.Fprintf(out, "image: building %s:%s for linux/%s\n", repository, o.Version, arch)
	folder := filepath.Join(staging, arch)
	if err := compile(ctx, o, arch, folder, out); err != nil {
		return nil, err
	}
	created, err := o.created()
	if err != nil {
		return nil, err
	}
	made, err := newImage(folder, arch, created, o.labels())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(o.Dir, fmt.Sprintf("dicer-image-%s.tar", arch))
	if err := writeArchive(path, made, o.Version, created); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "image: %s: %.1f MB in its layer, %.1f MB unpacked, %s\n", path, megabytes(made.layer.Size), megabytes(made.unpacked), made.manifest.Digest)
	return made, nil
}

func megabytes(size int64) float64 { return float64(size) / 1e6 }

// compile builds as the Dockerfile does, whatever the caller's environment says
// of other builds: the program is the same, bit by bit, with the same Go.
func compile(ctx context.Context, o *options, arch, folder string, out io.Writer) error {
	temporary := filepath.Join(folder, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, o.Go, "build", "-trimpath", "-buildvcs=false", "-ldflags", o.LDFlags,
		"-o", filepath.Join(folder, program), "./cmd/"+program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		// Not empty, which would stand for the user's `go env -w` file.
		"GOFLAGS=-buildvcs=false", "GOWORK=off",
		// Inside folder, what an interrupted go leaves is removed too.
		"GOTMPDIR="+temporary)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

// labels are the Dockerfile's.
func (o *options) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    repository,
		"org.opencontainers.image.source":   "https://github.com/dicer-dev/dicer",
		"org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.version":  o.Version,
		"org.opencontainers.image.revision": o.Commit,
		"org.opencontainers.image.created":  o.Date,
	}
}
