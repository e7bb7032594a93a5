package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// assemble adds to the image's archives and the manifests in o.Dir what else is
// published.
func assemble(ctx context.Context, o *options, out io.Writer) error {
	for _, name := range []string{"LICENSE", thirdParty, "deploy/components/cert-manager/rotate-ca.sh"} {
		if err := copyFile(filepath.Join(o.Root, name), filepath.Join(o.Dir, filepath.Base(name))); err != nil {
			return err
		}
	}
	if err := packageChart(ctx, o, out); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(o.Dir, "dicer-image-*.tar"))
	if err != nil {
		return err
	}
	if len(archives) == 0 {
		return fmt.Errorf("no dicer-image-ARCH.tar in %s: make image writes them", o.Dir)
	}
	for _, archive := range archives {
		if err := writeBOM(ctx, o, archive, out); err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
	}
	return writeSums(o.Dir, out)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// packageChart has the chart ask for this release's image.
func packageChart(ctx context.Context, o *options, out io.Writer) error {
	created, err := o.created()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, o.Helm, "package", filepath.Join(o.Root, "deploy/chart/dicer"),
		"--app-version", o.Version, "--destination", o.Dir)
	// Else the archive has the times of the files, which are those of the checkout.
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", created.Unix()))
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm package: %w\n%s", err, output)
	}
	charts, err := filepath.Glob(filepath.Join(o.Dir, "*.tgz"))
	fmt.Fprintf(out, "release: %s, for image dicer:%s\n", strings.Join(charts, " "), o.Version)
	return err
}
