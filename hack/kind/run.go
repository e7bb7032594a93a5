package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

// run does all that -help says, from the repository's root.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := newOptions(args, out)
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("finding the cache directory: %w", err)
	}
	cache = filepath.Join(cache, "dicer", "kind")
	p, err := newParts(ctx, cache, out)
	if err != nil {
		return err
	}
	r := &runner{
		options: o, steps: newSteps(out), parts: p, cache: cache,
		node: &nodeImage{parts: p, root: filepath.Join(cache, rootFolder()), stampFile: filepath.Join(cache, "node-image")},
	}
	if o.Check {
		return r.built()
	}
	return r.alone(ctx, out)
}

// runner is one run.
type runner struct {
	options *options
	steps   *steps
	parts   *parts
	node    *nodeImage
	cache   string
	// work is for files that no other run needs.
	work string

	engine  *engine
	cluster *cluster
	origins origins
	// revision is what the upgrade starts from.
	revision          string
	current, previous *release
	// suite and helm are the commands' files.
	suite, helm string
}

// origins are where a cluster comes from: what is empty is published.
type origins struct {
	// node is the image that was built, certManager the archive of that.
	node, certManager string
	// manifest is the file of the published cert-manager.
	manifest string
}

// built tells what is not.
func (r *runner) built() error {
	for _, part := range append(r.parts.ofNode(), r.parts.kind, r.parts.certManager) {
		if !part.Current() {
			return fmt.Errorf("%s is not built", part.Title)
		}
	}
	if !r.node.current() {
		return errors.New("the node image is not built")
	}
	return nil
}

// alone runs while no other run uses the cache.
func (r *runner) alone(ctx context.Context, out io.Writer) (err error) {
	unlock, err := gobuild.Lock(ctx, filepath.Join(r.cache, "lock"), func() { r.steps.say("another run is going on; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	defer func() { fmt.Fprintf(out, "\n%s", r.steps.table()) }()
	// Those of a run before say nothing of this one.
	if err := os.RemoveAll(r.options.Logs); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "dicer-kind-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	return r.run(ctx)
}

func (r *runner) run(ctx context.Context) (err error) {
	if err := r.check(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.engine.stop()) }()
	if err := r.build(ctx); err != nil {
		return err
	}
	r.cluster = &cluster{engine: r.engine, kind: r.parts.kind.File("kind"), kubectl: r.parts.controlPlane.File("kubectl"), dir: r.work}
	defer func() { err = errors.Join(err, r.removeCluster(ctx)) }()
	err = r.createCluster(ctx)
	if err == nil {
		err = r.runSuite(ctx)
	}
	if err != nil && ctx.Err() == nil {
		err = errors.Join(err, r.keepLogs(ctx))
	}
	if r.options.Keep && ctx.Err() == nil {
		r.wait(ctx)
	}
	return err
}

// removeCluster does so after an interrupt too.
func (r *runner) removeCluster(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	return r.steps.do(ctx, "delete the cluster", func() (string, error) { return "deleted", r.cluster.remove(ctx) })
}

func (r *runner) keepLogs(ctx context.Context) error {
	dir := filepath.Join(r.options.Logs, "node")
	if err := r.cluster.exportLogs(ctx, dir); err != nil {
		return fmt.Errorf("keeping the node's logs: %w", err)
	}
	r.steps.say("logs, events and objects are kept in %s", r.options.Logs)
	return nil
}

// wait leaves all running until Ctrl-C.
func (r *runner) wait(ctx context.Context) {
	enter := ""
	if r.engine.own {
		enter = fmt.Sprintf("  export DOCKER_HOST=%s\n  nsenter --net=%s bash\n", r.engine.host, namespaces+r.engine.network)
	}
	r.steps.say("everything is left running. In another terminal:\n\n%s  export KUBECONFIG=%s\n  %s get pods -A\n\nCtrl-C here ends it.", enter, r.cluster.kubeconfig(), r.cluster.kubectl)
	<-ctx.Done()
}
