package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// image is one FROM scratch.
type image struct {
	// tag is what the engine has it by for a while: never another's name, which
	// the user may have. No default.
	tag string
	// names are what the node has it by. Defaults to none.
	names []string
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
	var images []*image
	for wanted := range strings.FieldsSeq(list) {
		name, _, _ := strings.Cut(wanted[strings.LastIndex(wanted, "/")+1:], ":")
		if name == "coredns" {
			continue // files/cluster.yaml does without
		}
		i := &image{tag: "dicer-kind-" + name + ":source", names: []string{wanted}, files: map[string]string{}}
		if err := n.fill(ctx, i, name, work, tree); err != nil {
			return nil, err
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
	for _, i := range images {
		if i.tag == "dicer-kind-pause:source" {
			i.names = append(i.names, string(found[1]))
			return images, nil
		}
	}
	return nil, errors.New("kubeadm asks for no image pause, which containerd needs")
}

// fill gives an image what its name stands for.
func (n *nodeImage) fill(ctx context.Context, i *image, name, work, tree string) error {
	i.instructions = "ENV PATH=/usr/local/bin\n"
	switch name {
	case "kube-apiserver", "etcd":
		i.files["usr/local/bin/"+name] = n.parts.controlPlane.File(name)
	case "kube-controller-manager", "kube-scheduler":
		i.files["usr/local/bin/"+name] = n.parts.node.File(name)
	case "kube-proxy":
		return n.addNftables(ctx, tree, i)
	case "pause":
		i.files["pause"] = filepath.Join(work, "pause")
		i.instructions = "USER 65535:65535\nENTRYPOINT [\"/pause\"]\n"
		return n.compilePause(ctx, i.files["pause"])
	default:
		return fmt.Errorf("kubeadm asks for image %s, which is not made here", i.names)
	}
	return nil
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
	if err := saveImages(ctx, e, images, work, archive); err != nil {
		return err
	}
	c, err := n.startContainerd(ctx, work, filepath.Join(tree, "var/lib/containerd"))
	if err != nil {
		return err
	}
	return errors.Join(c.add(ctx, archive, images), c.stop())
}

// saveImages builds images and leaves them in the archive alone.
func saveImages(ctx context.Context, e *engine, images []*image, work, archive string) (err error) {
	var tags []string
	defer func() {
		if len(tags) > 0 {
			remove := e.docker(context.WithoutCancel(ctx), append([]string{"image", "rm", "--force"}, tags...)...)
			err = errors.Join(err, quietly(remove))
		}
	}()
	for number, i := range images {
		if err := i.build(ctx, e, filepath.Join(work, fmt.Sprint("image-", number))); err != nil {
			return err
		}
		tags = append(tags, i.tag)
	}
	return quietly(e.docker(ctx, append([]string{"save", "--output", archive}, tags...)...))
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
