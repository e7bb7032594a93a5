package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// containerd is one that runs on a node's folder, from outside.
type containerd struct {
	// ctr is its client.
	ctr, address string
	// dir is for its own files.
	dir    string
	daemon *exec.Cmd
}

func (c *containerd) command(ctx context.Context, args ...string) *exec.Cmd {
	return command(ctx, c.ctr, append([]string{"--address", c.address, "--namespace", "k8s.io"}, args...)...)
}

// add imports images and gives them the names that the node is asked for.
func (c *containerd) add(ctx context.Context, archive string, images []*image) error {
	// Unpacked they would be twice in the node; its first use does that.
	if err := quietly(c.command(ctx, "images", "import", "--no-unpack", archive)); err != nil {
		return err
	}
	for _, i := range images {
		// containerd's name of it is the whole one.
		whole := "docker.io/library/" + i.tag
		if err := quietly(c.command(ctx, append([]string{"images", "tag", whole}, i.names...)...)); err != nil {
			return err
		}
		if err := quietly(c.command(ctx, "images", "rm", whole)); err != nil {
			return err
		}
	}
	return nil
}

func (c *containerd) stop() error {
	_ = c.daemon.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(time.Minute, func() { _ = c.daemon.Process.Kill() })
	defer kill.Stop()
	_ = c.daemon.Wait() // how it exits says less than what it has written
	return os.RemoveAll(c.dir)
}

// startContainerd runs the node's containerd on its folder root.
func (n *nodeImage) startContainerd(ctx context.Context, work, root string) (_ *containerd, err error) {
	// A socket's path has a hundred characters at the most.
	dir, err := os.MkdirTemp("", "dicer-kind-")
	if err != nil {
		return nil, err
	}
	c := &containerd{ctr: n.parts.containerd.File("ctr"), address: filepath.Join(dir, "sock"), dir: dir}
	config := filepath.Join(dir, "config.toml")
	// The plugins that a kubelet talks to need a network.
	text := fmt.Sprintf(`disabled_plugins = ["io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"]
version = 3
root = %q
state = %q
[grpc]
address = %q
`, root, filepath.Join(dir, "state"), c.address)
	log, err := os.Create(filepath.Join(work, "containerd.log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer log.Close()
	c.daemon = command(context.WithoutCancel(ctx), n.parts.containerd.File("containerd"), "--config", config)
	c.daemon.Stdout, c.daemon.Stderr = log, log
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o600), c.daemon.Start()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	err = eventually(ctx, time.Minute, func() error { return quietly(c.command(ctx, "version")) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("containerd does not answer: %w; its log ends with:\n%s", err, endOf(log.Name())), c.stop())
	}
	return c, nil
}
