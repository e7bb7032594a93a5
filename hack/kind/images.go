package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// image is one FROM scratch.
type image struct {
	// tag is its whole name. No default.
	tag string
	// files are put there, by their names in the image.
	files map[string]string
	// instructions are the Dockerfile's, after the files.
	instructions string
}

// build makes the image in folder dir.
func (i *image) build(ctx context.Context, e *engine, dir string) error {
	for name, source := range i.files {
		target := filepath.Join(dir, "root", name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		// Libraries are links to files.
		if err := quietly(command(ctx, "cp", "--dereference", source, target)); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY root/ /\n"+i.instructions), 0o644); err != nil {
		return err
	}
	return quietly(e.docker(ctx, "build", "--tag", i.tag, dir))
}

// sandbox is the line of containerd's configuration that names the image of
// each pod's first container.
var sandbox = regexp.MustCompile(`(?m)^\s*sandbox_image = "(.+)"$`)

// controlPlaneImages are those that kubeadm asks for, by its own words, and the
// one that containerd does.
func (n *nodeImage) controlPlaneImages(ctx context.Context, work, tree string) ([]*image, error) {
	list, err := output(command(ctx, n.parts.node.File("kubeadm"), "config", "images", "list", "--kubernetes-version", n.parts.version.String()))
	if err != nil {
		return nil, err
	}
	pause := filepath.Join(work, "pause")
	if err := n.compilePause(ctx, pause); err != nil {
		return nil, err
	}
	var images []*image
	for tag := range strings.FieldsSeq(list) {
		name, _, _ := strings.Cut(tag[strings.LastIndex(tag, "/")+1:], ":")
		i := &image{tag: tag, files: map[string]string{}}
		switch name {
		case "kube-apiserver", "etcd":
			i.files["usr/local/bin/"+name] = n.parts.controlPlane.File(name)
			i.instructions = "ENV PATH=/usr/local/bin\n"
		case "kube-controller-manager", "kube-scheduler":
			i.files["usr/local/bin/"+name] = n.parts.node.File(name)
			i.instructions = "ENV PATH=/usr/local/bin\n"
		case "kube-proxy":
			if err := n.addNftables(ctx, tree, i); err != nil {
				return nil, err
			}
		case "pause":
			i.files["pause"] = pause
			i.instructions = "USER 65535:65535\nENTRYPOINT [\"/pause\"]\n"
		case "coredns":
			continue // files/cluster.yaml does without
		default:
			return nil, fmt.Errorf("kubeadm asks for image %s, which is not made here", tag)
		}
		images = append(images, i)
	}
	config, err := os.ReadFile(filepath.Join(tree, "etc/containerd/config.toml"))
	if err != nil {
		return nil, err
	}
	found := sandbox.FindSubmatch(config)
	if found == nil {
		return nil, errors.New("containerd's configuration names no sandbox_image")
	}
	return append(images, &image{
		tag: string(found[1]), files: map[string]string{"pause": pause},
		instructions: "USER 65535:65535\nENTRYPOINT [\"/pause\"]\n",
	}), nil
}

// compilePause builds Kubernetes' own: one file of C.
func (n *nodeImage) compilePause(ctx context.Context, target string) error {
	dir, err := moduleDir(ctx, "hack/controlplane", filepath.Join("kubernetes", n.parts.version.String()+".mod"), "k8s.io/kubernetes")
	if err != nil {
		return err
	}
	return quietly(command(ctx, "gcc", "-Os", "-static", "-s", "-DVERSION="+n.parts.version.String(),
		"-o", target, filepath.Join(dir, "build", "pause", "linux", "pause.c")))
}

// addNftables gives kube-proxy the one program that it calls, from the node's own
// Debian, with its libraries.
func (n *nodeImage) addNftables(ctx context.Context, tree string, i *image) error {
	const nft = "/usr/sbin/nft"
	i.files["usr/local/bin/kube-proxy"] = n.parts.node.File("kube-proxy")
	i.files[nft] = filepath.Join(tree, nft)
	i.instructions = "ENV PATH=/usr/local/bin:/usr/sbin\n"
	text, err := output(command(ctx, "chroot", tree, "ldd", nft))
	if err != nil {
		return err
	}
	for word := range strings.FieldsSeq(text) {
		if strings.HasPrefix(word, "/") {
			i.files[word] = filepath.Join(tree, word)
		}
	}
	return nil
}

// addImages puts the images where the node's containerd keeps them, so that a
// cluster starts without loading any.
func (n *nodeImage) addImages(ctx context.Context, e *engine, work, tree string) error {
	images, err := n.controlPlaneImages(ctx, work, tree)
	if err != nil {
		return err
	}
	archive := filepath.Join(work, "images.tar")
	save := []string{"save", "--output", archive}
	for number, i := range images {
		if err := i.build(ctx, e, filepath.Join(work, fmt.Sprint("image-", number))); err != nil {
			return err
		}
		save = append(save, i.tag)
	}
	if err := quietly(e.docker(ctx, save...)); err != nil {
		return err
	}
	stop, address, err := n.startContainerd(ctx, work, filepath.Join(tree, "var/lib/containerd"))
	if err != nil {
		return err
	}
	// Unpacked they would be twice in the node; its first use does that.
	load := command(ctx, n.parts.containerd.File("ctr"), "--address", address, "--namespace", "k8s.io", "images", "import", "--no-unpack", archive)
	return errors.Join(quietly(load), stop())
}

// startContainerd runs the node's containerd on its folder, from outside.
func (n *nodeImage) startContainerd(ctx context.Context, work, root string) (stop func() error, address string, err error) {
	// A socket's path has a hundred characters at the most.
	dir, err := os.MkdirTemp("", "dicer-kind-")
	if err != nil {
		return nil, "", err
	}
	address = filepath.Join(dir, "sock")
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 3\nroot = %q\nstate = %q\n[grpc]\naddress = %q\n", root, filepath.Join(dir, "state"), address)
	// The plugins that a kubelet talks to need a network.
	text = "disabled_plugins = [\"io.containerd.cri.v1.runtime\", \"io.containerd.cri.v1.images\", \"io.containerd.grpc.v1.cri\"]\n" + text
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	daemon := command(context.WithoutCancel(ctx), n.parts.containerd.File("containerd"), "--config", config)
	log, err := os.Create(filepath.Join(work, "containerd.log"))
	if err != nil {
		return nil, "", err
	}
	defer log.Close()
	daemon.Stdout, daemon.Stderr = log, log
	if err := daemon.Start(); err != nil {
		return nil, "", err
	}
	stop = func() error {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait() // how it exits says less than what it has written
		return os.RemoveAll(dir)
	}
	err = eventually(ctx, time.Minute, func() error {
		return quietly(command(ctx, n.parts.containerd.File("ctr"), "--address", address, "version"))
	})
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("containerd does not answer: %w; its log ends with:\n%s", err, endOf(log.Name())), stop())
	}
	return stop, address, nil
}

// eventually calls check until it succeeds.
func eventually(ctx context.Context, timeout time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %s: %w", timeout, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
