package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

// files are what a node and a cluster are configured with.
//
//go:embed files
var files embed.FS

// nodeImage is a node of a kind cluster, from source.
type nodeImage struct {
	parts *parts
	// root is its Debian.
	root string
	// stampFile says what the image that the engine has was made from.
	stampFile string
}

// stamp is a hash of all that the image is made from: the parts, and this
// program, which says how.
func (n *nodeImage) stamp() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	hash.Write(program)
	// kind's module has the files of a node.
	for _, part := range append(n.parts.ofNode(), n.parts.kind) {
		fmt.Fprintln(hash, part.Stamp())
	}
	fmt.Fprintln(hash, n.root)
	return fmt.Sprintf("%x", hash.Sum(nil))[:16], nil
}

// current tells whether the image is made; the engine may have lost it since.
func (n *nodeImage) current() bool {
	want, err := n.stamp()
	if err != nil {
		return false
	}
	found, err := os.ReadFile(n.stampFile)
	return err == nil && string(found) == want
}

// ensure makes the image where the engine has it not, and returns its name.
func (n *nodeImage) ensure(ctx context.Context, e *engine) (name, note string, err error) {
	stamp, err := n.stamp()
	if err != nil {
		return "", "", err
	}
	name = "dicer-kind-node:" + stamp
	if e.docker(ctx, "image", "inspect", name).Run() == nil {
		return name, "there already", n.keepStamp(stamp)
	}
	if err := n.forget(ctx, e); err != nil {
		return "", "", err
	}
	// One place, which a run that was killed outright leaves to the next.
	work := filepath.Join(filepath.Dir(n.stampFile), "node.tmp")
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o755)); err != nil {
		return "", "", err
	}
	defer os.RemoveAll(work)
	if err := n.make(ctx, e, work, name); err != nil {
		return "", "", err
	}
	return name, "built", n.keepStamp(stamp)
}

func (n *nodeImage) keepStamp(stamp string) error {
	return writeFile(n.stampFile, []byte(stamp), 0o644)
}

// forget removes the images of other stamps, of a gigabyte each.
func (n *nodeImage) forget(ctx context.Context, e *engine) error {
	old, err := output(e.docker(ctx, "image", "ls", "--quiet", "dicer-kind-node"))
	if err != nil || old == "" {
		return err
	}
	return quietly(e.docker(ctx, append([]string{"image", "rm", "--force"}, strings.Fields(old)...)...))
}

func (n *nodeImage) make(ctx context.Context, e *engine, work, name string) error {
	tree := filepath.Join(work, "tree")
	if err := quietly(command(ctx, "cp", "--archive", n.root, tree)); err != nil {
		return err
	}
	kindModule, err := moduleDir(ctx, filepath.Join(modules, "parts", "kind"), "go.mod", "sigs.k8s.io/kind")
	if err != nil {
		return err
	}
	if err := addKind(ctx, tree, kindModule); err != nil {
		return err
	}
	if err := n.addCommands(ctx, tree); err != nil {
		return err
	}
	if err := n.addFiles(tree); err != nil {
		return err
	}
	if err := n.addImages(ctx, e, work, tree); err != nil {
		return err
	}
	return importTree(ctx, e, work, name)
}

// addCommands puts each where kind's units, the kubelet and containerd look.
func (n *nodeImage) addCommands(ctx context.Context, tree string) error {
	for _, place := range []struct {
		part     *gobuild.Build
		folder   string
		commands []string
	}{
		{n.parts.controlPlane, "usr/bin", []string{"kubectl"}},
		{n.parts.node, "usr/bin", []string{"kubelet", "kubeadm"}},
		{n.parts.containerd, "usr/local/bin", []string{"containerd", "ctr", "containerd-shim-runc-v2"}},
		{n.parts.crictl, "usr/local/bin", []string{"crictl"}},
		{n.parts.runc, "usr/local/sbin", []string{"runc"}},
		{n.parts.cni, "opt/cni/bin", []string{"host-local", "loopback", "ptp", "portmap"}},
	} {
		if err := os.MkdirAll(filepath.Join(tree, place.folder), 0o755); err != nil {
			return err
		}
		for _, name := range place.commands {
			if err := quietly(command(ctx, "cp", place.part.File(name), filepath.Join(tree, place.folder, name))); err != nil {
				return err
			}
		}
	}
	return baseSpec(ctx, tree)
}

// baseSpec writes what containerd begins each container's specification with:
// its own default, kind's hook, and no limits, which this host may not raise.
func baseSpec(ctx context.Context, tree string) error {
	text, err := output(command(ctx, "chroot", tree, "ctr", "oci", "spec"))
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	process, ok := spec["process"].(map[string]any)
	if !ok {
		return errors.New("ctr oci spec: no process in it")
	}
	delete(process, "rlimits")
	spec["hooks"] = map[string]any{"createContainer": []any{map[string]any{"path": "/kind/bin/mount-product-files.sh"}}}
	content, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(tree, "etc/containerd/cri-base.json"), content, 0o644)
}

// addFiles are those that kind reads, and the pods' network.
func (n *nodeImage) addFiles(tree string) error {
	for name, path := range map[string]string{
		"10-ptp.conflist":      "etc/cni/net.d/10-ptp.conflist",
		"default-cni.yaml":     "kind/manifests/default-cni.yaml",
		"default-storage.yaml": "kind/manifests/default-storage.yaml",
	} {
		content, err := files.ReadFile("files/" + name)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(tree, path), content, 0o644); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(tree, "etc/kubernetes/manifests"), 0o755); err != nil {
		return err
	}
	return writeFile(filepath.Join(tree, "kind/version"), []byte(n.parts.version.String()), 0o644)
}

// importTree makes an image of the finished tree, without a copy on the disk.
func importTree(ctx context.Context, e *engine, work, name string) error {
	const tree = "dicer-kind-tree:latest"
	archive := command(ctx, "tar", "--directory", filepath.Join(work, "tree"), "--create", ".")
	if err := pipe(archive, e.docker(ctx, "import", "-", tree)); err != nil {
		return err
	}
	dockerfile, err := files.ReadFile("files/node.Dockerfile")
	if err != nil {
		return err
	}
	build := e.docker(ctx, "build", "--tag", name, "--build-arg", "TREE="+tree, "-")
	build.Stdin = strings.NewReader(string(dockerfile))
	if err := quietly(build); err != nil {
		return err
	}
	return quietly(e.docker(ctx, "image", "rm", tree))
}
