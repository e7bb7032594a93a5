package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

// run does all that -help says, from the repository's root.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := newOptions(args, out)
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("finding the cache directory: %w", err)
	}
	cache = filepath.Join(cache, "dicer", "kind")
	s := newSteps(out)
	p, err := newParts(ctx, cache, out)
	if err != nil {
		return err
	}
	node := &nodeImage{parts: p, root: filepath.Join(cache, "debian-"+debian), stampFile: filepath.Join(cache, "node-image")}
	if o.Check {
		return built(p, node)
	}
	unlock, err := gobuild.Lock(ctx, filepath.Join(cache, "lock"), func() { s.say("another run is going on; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	defer func() { fmt.Fprintf(out, "\n%s", s.table()) }()
	work, err := os.MkdirTemp("", "dicer-kind-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	r := &runner{options: o, steps: s, parts: p, node: node, cache: cache, work: work}
	return r.run(ctx)
}

// built tells what is not.
func built(p *parts, node *nodeImage) error {
	for _, part := range append(p.ofNode(), p.kind, p.certManager) {
		if !part.Current() {
			return fmt.Errorf("%s is not built", part.Title)
		}
	}
	if !node.current() {
		return errors.New("the node image is not built")
	}
	return nil
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
	// nodeName is the node image that was built from source, certManager the
	// archive; both are empty where published ones are used.
	nodeName, certManager string
	current, previous     *release
	// suite and helm are the commands' files.
	suite, helm string
}

func (r *runner) run(ctx context.Context) (err error) {
	if err := r.findEngine(ctx); err != nil {
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
	if r.options.Keep {
		r.wait(ctx)
	}
	return err
}

func (r *runner) findEngine(ctx context.Context) error {
	return r.steps.do("container engine", func() (string, error) {
		if r.engine = findEngine(ctx); r.engine != nil {
			version, err := r.engine.version(ctx)
			return "yours, " + version, err
		}
		if r.options.Source == sourcePublished {
			return "", usageError("no container engine answers docker version: start one, or have everything built: -source " + sourceBuilt)
		}
		if _, err := provide(ctx, r.steps, engineNeeds); err != nil {
			return "", err
		}
		var err error
		if r.engine, err = startEngine(ctx, filepath.Join(r.cache, "engine")); err != nil {
			return "", err
		}
		version, err := r.engine.version(ctx)
		return "one of its own, " + version, err
	})
}

func (r *runner) removeCluster(ctx context.Context) error {
	return r.steps.do("delete the cluster", func() (string, error) {
		// Also after an interrupt.
		return "deleted", r.cluster.remove(context.WithoutCancel(ctx))
	})
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
		enter = fmt.Sprintf("  export DOCKER_HOST=%s\n  nsenter --net=/run/netns/%s bash\n", r.engine.host, network)
	}
	r.steps.say("everything is left running. In another terminal:\n\n%s  export KUBECONFIG=%s\n  %s get pods -A\n\nCtrl-C here ends it.", enter, r.cluster.kubeconfig(), r.cluster.kubectl)
	<-ctx.Done()
}
