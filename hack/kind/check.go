package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// check finds out what is there, before anything that takes minutes: the engine,
// what the upgrade starts from, where node image and cert-manager come from, and
// the packages that are needed.
func (r *runner) check(ctx context.Context) (err error) {
	err = r.steps.do(ctx, "revision to upgrade from", func() (note string, err error) {
		r.revision, err = preceding(ctx, r.options.Previous)
		return r.revision, err
	})
	if err != nil {
		return err
	}
	if err := r.steps.do(ctx, "container engine", func() (string, error) { return r.findEngine(ctx) }); err != nil {
		return err
	}
	err = r.steps.do(ctx, "published images", func() (string, error) { return r.published(ctx) })
	if err == nil && r.origins.node != "" {
		err = r.steps.do(ctx, "packages to build with", func() (string, error) { return provideBuild(ctx, r.steps) })
	}
	if err != nil {
		return errors.Join(err, r.engine.stop())
	}
	return nil
}

// provideBuild installs what a node is built with, where the user may build one.
func provideBuild(ctx context.Context, s *steps) (note string, err error) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return "", usageError("kind's node image cannot be pulled, and to build one takes Linux and root, for debootstrap")
	}
	return provide(ctx, s, buildNeeds)
}

// findEngine takes the user's engine, or starts one.
func (r *runner) findEngine(ctx context.Context) (note string, err error) {
	var absent error
	if r.engine, absent = findEngine(ctx); absent == nil {
		version, err := r.engine.version(ctx)
		return "yours, " + version, err
	}
	if r.options.Source == sourcePublished {
		return "", usageError(fmt.Sprintf("no container engine answers: start one, or have everything built: -source %s: %v", sourceBuilt, absent))
	}
	if os.Geteuid() != 0 {
		return "", usageError(fmt.Sprintf("no container engine answers, and one of its own takes root: start one, or run this as root: %v", absent))
	}
	if _, err := provide(ctx, r.steps, engineNeeds); err != nil {
		return "", err
	}
	// The package's own service may have started, and would be found next time.
	if r.engine, absent = findEngine(ctx); absent == nil {
		version, err := r.engine.version(ctx)
		return "the one that was installed, " + version, err
	}
	if r.engine, err = startEngine(ctx, filepath.Join(r.cache, "engine")); err != nil {
		return "", err
	}
	version, err := r.engine.version(ctx)
	return "one of its own, " + version, err
}

// toBuild stands for the name of an image that is not built yet.
const toBuild = "to build"

// published decides where node image and cert-manager come from, each by itself.
func (r *runner) published(ctx context.Context) (note string, err error) {
	r.origins = origins{node: toBuild, certManager: toBuild}
	// An engine of its own has no way out of its network.
	if r.options.Source == sourceBuilt || r.engine.own {
		return "none: all is built from source", nil
	}
	pulled := pullNode(ctx, r.engine)
	manifest := filepath.Join(r.work, "cert-manager.yaml")
	fetched := fetchCertManager(ctx, manifest)
	if err := errors.Join(pulled, fetched); err != nil && r.options.Source == sourcePublished {
		return "", err
	}
	note = "node image and cert-manager"
	if pulled == nil {
		r.origins.node = ""
	} else {
		note = "no node image"
		r.steps.say("the node image is built from source: %v", pulled)
	}
	if fetched == nil {
		r.origins.certManager, r.origins.manifest = "", manifest
	} else {
		note += ", no cert-manager"
		r.steps.say("cert-manager is built from source: %v", fetched)
	}
	return note, nil
}
