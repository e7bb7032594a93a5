package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// clusterName is kind's; its one node is called after it. Nobody else's cluster
// has that name: what is left of one is deleted.
const clusterName = "dicer-e2e"

// cluster is a kind cluster.
type cluster struct {
	engine *engine
	// kind and kubectl are the commands' files.
	kind, kubectl string
	// dir is where its own files are: kubeconfig and the like.
	dir string
}

func (c *cluster) node() string       { return clusterName + "-control-plane" }
func (c *cluster) kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

func (c *cluster) run(ctx context.Context, args ...string) *exec.Cmd {
	return c.engine.inNetwork(ctx, c.kind, append(args, "--name", clusterName)...)
}

// create makes the cluster on the node image of that name, which was built from
// source; on kind's own where it is empty.
func (c *cluster) create(ctx context.Context, image string) error {
	// One that a run that was killed outright has left.
	if err := c.remove(ctx); err != nil {
		return err
	}
	args := []string{"create", "cluster", "--kubeconfig", c.kubeconfig(), "--wait", "3m", "--retain"}
	if image != "" {
		config, err := files.ReadFile("files/cluster.yaml")
		if err != nil {
			return err
		}
		path := filepath.Join(c.dir, "cluster.yaml")
		if err := os.WriteFile(path, config, 0o600); err != nil {
			return err
		}
		args = append(args, "--image", image, "--config", path)
	}
	if err := quietly(c.run(ctx, args...)); err != nil {
		return err
	}
	// A pod of a namespace's first seconds is refused without these.
	return eventually(ctx, time.Minute, func() error {
		return quietly(c.kubectlCommand(ctx, "get", "serviceaccount/default", "configmap/kube-root-ca.crt"))
	})
}

func (c *cluster) remove(ctx context.Context) error {
	return quietly(c.run(ctx, "delete", "cluster", "--kubeconfig", c.kubeconfig()))
}

func (c *cluster) load(ctx context.Context, archive string) error {
	return quietly(c.run(ctx, "load", "image-archive", archive))
}

// exportLogs keeps what kind collects of a node.
func (c *cluster) exportLogs(ctx context.Context, dir string) error {
	return quietly(c.run(ctx, "export", "logs", dir))
}

func (c *cluster) kubectlCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := c.engine.inNetwork(ctx, c.kubectl, args...)
	cmd.Env = append(cmd.Env, "KUBECONFIG="+c.kubeconfig())
	return cmd
}

// nodeConstant is where kind's module names the node image that it was released
// with.
var nodeConstant = regexp.MustCompile(`const Image = "(.+)"`)

// pullNode has the engine pull kind's own node image.
func pullNode(ctx context.Context, e *engine) error {
	dir, err := moduleDir(ctx, filepath.Join(modules, "parts", "kind"), "go.mod", "sigs.k8s.io/kind")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "pkg", "apis", "config", "defaults", "image.go")
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	found := nodeConstant.FindSubmatch(content)
	if found == nil {
		return fmt.Errorf("%s names no node image: kind has changed it", path)
	}
	return quietly(e.docker(ctx, "pull", "--quiet", string(found[1])))
}
