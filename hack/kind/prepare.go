package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

// build makes all that is needed before there is a cluster.
func (r *runner) build(ctx context.Context) error {
	// kubectl, and the API server that tests need, are built in any case.
	parts := []*gobuild.Build{r.parts.kind, r.parts.controlPlane}
	if r.origins.node != "" {
		parts = append(parts, r.parts.node, r.parts.containerd, r.parts.crictl, r.parts.runc, r.parts.cni)
	}
	if r.origins.certManager != "" {
		parts = append(parts, r.parts.certManager)
	}
	for _, part := range parts {
		if err := r.steps.do(ctx, part.Title, func() (string, error) { return ensure(ctx, part) }); err != nil {
			return err
		}
	}
	if err := r.buildImages(ctx); err != nil {
		return err
	}
	return r.buildDicer(ctx)
}

// buildImages makes what is not published.
func (r *runner) buildImages(ctx context.Context) error {
	if r.origins.node != "" {
		if err := r.steps.do(ctx, "Debian "+debian, func() (string, error) { return ensureRoot(ctx, r.node.root) }); err != nil {
			return err
		}
		err := r.steps.do(ctx, "node image", func() (note string, err error) {
			r.origins.node, note, err = r.node.ensure(ctx, r.engine)
			return note, err
		})
		if err != nil {
			return err
		}
	}
	if r.origins.certManager == "" {
		return nil
	}
	return r.steps.do(ctx, "cert-manager image", func() (note string, err error) {
		r.origins.certManager, err = certManagerArchive(ctx, r.engine, r.parts, r.work)
		return "made", err
	})
}

// buildDicer makes both releases and the suite.
func (r *runner) buildDicer(ctx context.Context) error {
	assets := r.parts.controlPlane.Dir
	err := r.steps.do(ctx, "dicer's image and manifests", func() (note string, err error) {
		r.current, err = makeRelease(ctx, assets, ".", r.options.Version, filepath.Join(r.work, "current"))
		return r.options.Version, err
	})
	if err != nil {
		return err
	}
	if err := r.steps.do(ctx, "the Dockerfile's image", func() (string, error) { return r.testImage(ctx) }); err != nil {
		return err
	}
	err = r.steps.do(ctx, "those of the preceding release", func() (string, error) {
		var err error
		if r.previous, err = makePrevious(ctx, assets, r.revision, filepath.Join(r.work, "previous")); err != nil {
			return "", err
		}
		if r.previous.version == r.current.version {
			return "", usageError(fmt.Sprintf("both are called %s: name another one by -previous", r.current.version))
		}
		return r.previous.version, nil
	})
	if err != nil {
		return err
	}
	err = r.steps.do(ctx, "helm", func() (string, error) {
		r.helm = filepath.Join(r.work, "helm")
		return "built", quietly(goBuild(ctx, filepath.Join("hack", "chart"), r.helm, "helm.sh/helm/v4/cmd/helm"))
	})
	if err != nil {
		return err
	}
	return r.steps.do(ctx, "the suite", func() (string, error) {
		r.suite = filepath.Join(r.work, "kind.test")
		return "compiled", compileSuite(ctx, r.suite)
	})
}

// testImage runs what make test-image skips where no engine answers, where it
// has not passed for the same files, and the same Go, already.
func (r *runner) testImage(ctx context.Context) (note string, err error) {
	stampFile := filepath.Join(r.cache, "dockerfile")
	stamp, err := treeStamp("Dockerfile", ".dockerignore", "Makefile", "go.mod", "go.sum", "cmd", "internal", "pkg", "hack/image", "test/image")
	if err != nil {
		return "", err
	}
	stamp += " " + runtime.Version()
	if found, err := os.ReadFile(stampFile); err == nil && string(found) == stamp {
		return "compared already", nil
	}
	cmd := command(ctx, "make", "--no-print-directory", "test-image")
	cmd.Env = withoutMake(r.engine.environment())
	text, err := output(cmd)
	if err != nil {
		return "", err
	}
	for _, test := range []string{"TestTheDockerfileMakesTheSameImage", "TestTheEngineLoadsAndRunsIt"} {
		if strings.Contains(text, "--- SKIP: "+test) && runtime.GOOS != "linux" {
			return "not compared: that takes Linux", nil
		}
		if !strings.Contains(text, "--- PASS: "+test) {
			return "", fmt.Errorf("%s did not run:\n%s", test, tail(text))
		}
	}
	return "the same as make image's", writeFile(stampFile, []byte(stamp), 0o644)
}

// treeStamp is a hash of files, and of those in folders.
func treeStamp(roots ...string) (string, error) {
	hash := sha256.New()
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", hash.Sum(nil)), nil
}

// createCluster makes a cluster with all that dicer is installed beside.
func (r *runner) createCluster(ctx context.Context) error {
	if err := r.steps.do(ctx, "create the cluster", func() (string, error) { return "created", r.cluster.create(ctx, r.origins.node) }); err != nil {
		return err
	}
	err := r.steps.do(ctx, "load dicer's images", func() (string, error) {
		return "loaded", errors.Join(r.cluster.load(ctx, r.previous.archive), r.cluster.load(ctx, r.current.archive))
	})
	if err != nil {
		return err
	}
	err = r.steps.do(ctx, "definitions of SSP and CDI", func() (string, error) {
		return "installed", quietly(r.cluster.kubectlCommand(ctx, "apply", "--server-side", "--filename", filepath.Join("test", "crds")))
	})
	if err != nil {
		return err
	}
	return r.steps.do(ctx, "cert-manager", func() (string, error) {
		return "available", r.cluster.installCertManager(ctx, r.origins.manifest, r.origins.certManager)
	})
}

func (r *runner) runSuite(ctx context.Context) error {
	return r.steps.do(ctx, "the suite's run", func() (string, error) {
		cmd := r.suiteCommand(ctx)
		var log bytes.Buffer
		both := io.MultiWriter(r.steps.out, &log)
		cmd.Stdout, cmd.Stderr = both, both
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, failures(log.String()))
		}
		return "passed", nil
	})
}
