package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

// build makes all that is needed before there is a cluster.
func (r *runner) build(ctx context.Context) error {
	// kubectl and the API server that manifests are rendered and checked with are
	// built in any case.
	for _, part := range []*gobuild.Build{r.parts.kind, r.parts.controlPlane} {
		if err := r.ensure(ctx, part); err != nil {
			return err
		}
	}
	published, err := r.published(ctx)
	if err != nil {
		return err
	}
	if !published {
		if err := r.buildNode(ctx); err != nil {
			return err
		}
	}
	return r.buildDicer(ctx)
}

func (r *runner) ensure(ctx context.Context, part *gobuild.Build) error {
	return r.steps.do(part.Title, func() (string, error) { return ensure(ctx, part) })
}

// published tells whether node image and cert-manager are.
func (r *runner) published(ctx context.Context) (published bool, err error) {
	if r.options.Source == sourceBuilt || r.engine.own {
		r.steps.say("node image and cert-manager are built from source")
		return false, nil
	}
	err = r.steps.do("published node image", func() (string, error) {
		if published, err = canPull(ctx, r.engine); err != nil {
			return "", err
		}
		switch {
		case published:
			return "pulled", nil
		case r.options.Source == sourcePublished:
			return "", errors.New("the engine cannot pull it")
		default:
			return "cannot be pulled, so all is built from source", nil
		}
	})
	return published, err
}

// buildNode makes node image and cert-manager from source.
func (r *runner) buildNode(ctx context.Context) error {
	err := r.steps.do("packages to build with", func() (string, error) { return provide(ctx, r.steps, buildNeeds) })
	if err != nil {
		return err
	}
	for _, part := range []*gobuild.Build{r.parts.node, r.parts.containerd, r.parts.crictl, r.parts.runc, r.parts.cni, r.parts.certManager} {
		if err := r.ensure(ctx, part); err != nil {
			return err
		}
	}
	if err := r.steps.do("Debian "+debian, func() (string, error) { return ensureRoot(ctx, r.node.root) }); err != nil {
		return err
	}
	err = r.steps.do("node image", func() (note string, err error) {
		r.nodeName, note, err = r.node.ensure(ctx, r.engine)
		return note, err
	})
	if err != nil {
		return err
	}
	return r.steps.do("cert-manager image", func() (note string, err error) {
		r.certManager, err = certManagerArchive(ctx, r.engine, r.parts, r.work)
		return "made", err
	})
}

// buildDicer makes both releases and the suite.
func (r *runner) buildDicer(ctx context.Context) error {
	assets := r.parts.controlPlane.Dir
	err := r.steps.do("dicer's image and manifests", func() (note string, err error) {
		r.current, err = makeRelease(ctx, assets, ".", r.options.Version, filepath.Join(r.work, "current"))
		return r.options.Version, err
	})
	if err != nil {
		return err
	}
	if err := r.steps.do("the Dockerfile's image", func() (string, error) { return "the same as make image's", r.testImage(ctx) }); err != nil {
		return err
	}
	err = r.steps.do("those of the preceding release", func() (string, error) {
		revision, err := preceding(ctx, r.options.Previous)
		if err != nil {
			return "", err
		}
		if r.previous, err = makePrevious(ctx, assets, revision, filepath.Join(r.work, "previous")); err != nil {
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
	err = r.steps.do("helm", func() (string, error) {
		r.helm = filepath.Join(r.work, "helm")
		return "built", quietly(goBuild(ctx, filepath.Join("hack", "chart"), r.helm, "helm.sh/helm/v4/cmd/helm"))
	})
	if err != nil {
		return err
	}
	return r.steps.do("the suite", func() (string, error) {
		r.suite = filepath.Join(r.work, "kind.test")
		return "compiled", compileSuite(ctx, r.suite)
	})
}

// testImage runs what make test-image skips where no engine answers.
func (r *runner) testImage(ctx context.Context) error {
	cmd := command(ctx, "make", "--no-print-directory", "test-image")
	cmd.Env = withoutMake(r.engine.environment())
	text, err := output(cmd)
	if err != nil {
		return err
	}
	for _, test := range []string{"TestTheDockerfileMakesTheSameImage", "TestTheEngineLoadsAndRunsIt"} {
		if !strings.Contains(text, "--- PASS: "+test) {
			return fmt.Errorf("%s did not run:\n%s", test, tail(text))
		}
	}
	return nil
}

// createCluster makes a cluster with all that dicer is installed beside.
func (r *runner) createCluster(ctx context.Context) error {
	if err := r.steps.do("create the cluster", func() (string, error) { return "created", r.cluster.create(ctx, r.nodeName) }); err != nil {
		return err
	}
	err := r.steps.do("load dicer's images", func() (string, error) {
		return "loaded", errors.Join(r.cluster.load(ctx, r.previous.archive), r.cluster.load(ctx, r.current.archive))
	})
	if err != nil {
		return err
	}
	err = r.steps.do("definitions of SSP and CDI", func() (string, error) {
		return "installed", quietly(r.cluster.kubectlCommand(ctx, "apply", "--server-side", "--filename", filepath.Join("test", "crds")))
	})
	if err != nil {
		return err
	}
	return r.steps.do("cert-manager", func() (string, error) { return "available", r.cluster.installCertManager(ctx, r.certManager) })
}

func (r *runner) runSuite(ctx context.Context) error {
	return r.steps.do("the suite's run", func() (string, error) {
		cmd := r.suiteCommand(ctx)
		cmd.Stdout, cmd.Stderr = r.steps.out, r.steps.out
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
		}
		return "passed", nil
	})
}
