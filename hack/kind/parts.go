package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
	"github.com/dicer-dev/dicer/hack/controlplane/kubernetes"
)

// modules is the folder of the modules that pin what is built, from the
// repository's root, where make runs this.
const modules = "hack/kind"

// parts are what is built from Go modules. Each knows whether it is current.
type parts struct {
	// version is of Kubernetes.
	version kubernetes.Version
	// kind is the command that makes clusters.
	kind *gobuild.Build
	// controlPlane is shared with make controlplane.
	controlPlane, node, containerd, crictl, runc, cni, certManager *gobuild.Build
}

// ofNode are what a node image is made of.
func (p *parts) ofNode() []*gobuild.Build {
	return []*gobuild.Build{p.controlPlane, p.node, p.containerd, p.crictl, p.runc, p.cni}
}

// static are the linker's flags for what runs in the node.
const static = "-s -w"

// newParts works out what would be built; it builds nothing.
func newParts(ctx context.Context, cache string, log io.Writer) (*parts, error) {
	versions, err := kubernetes.Pinned()
	if err != nil {
		return nil, err
	}
	p := &parts{version: versions[0]}
	shared, err := kubernetes.ControlPlaneDir(p.version)
	if err != nil {
		return nil, err
	}
	controlPlane, err := kubernetes.Recipe(p.version, "control plane", shared, kubernetes.ControlPlane)
	if err != nil {
		return nil, err
	}
	node, err := kubernetes.Recipe(p.version, "node", filepath.Join(cache, "kubernetes"), kubernetes.Node)
	if err != nil {
		return nil, err
	}
	recipes := map[**gobuild.Build]gobuild.Recipe{&p.controlPlane: controlPlane, &p.node: node}
	for _, m := range p.modules() {
		r := gobuild.Recipe{Title: filepath.Base(m.dir), Dir: filepath.Join(cache, filepath.Base(m.dir)), Commands: m.commands, Tags: m.tags, LDFlags: static}
		if m.cgo {
			// Static: the machine that builds may have another libc than the node.
			r.Cgo, r.LDFlags = true, static+" -extldflags -static"
		}
		if r.Module, err = gobuild.ReadModule(filepath.Join(modules, m.dir)); err != nil {
			return nil, err
		}
		recipes[m.build] = r
	}
	for build, recipe := range recipes {
		if *build, err = gobuild.New(ctx, recipe, log); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// module is one that pins a part.
type module struct {
	build    **gobuild.Build
	dir      string
	commands []gobuild.Command
	tags     string
	cgo      bool
}

func (p *parts) modules() []module {
	const (
		containerd = "github.com/containerd/containerd/v2/cmd/"
		plugins    = "github.com/containernetworking/plugins/plugins/"
	)
	return []module{
		{build: &p.kind, dir: "parts/kind", commands: []gobuild.Command{{Name: "kind", Package: "sigs.k8s.io/kind"}}},
		{
			build: &p.containerd, dir: "parts/containerd", commands: []gobuild.Command{
				{Name: "containerd", Package: containerd + "containerd"},
				{Name: "ctr", Package: containerd + "ctr"},
				{Name: "containerd-shim-runc-v2", Package: containerd + "containerd-shim-runc-v2"},
			},
			// Snapshotters that nobody chooses, as kind builds it.
			tags: "no_aufs,no_zfs,no_btrfs,no_devmapper",
		},
		// kind export logs calls it.
		{build: &p.crictl, dir: "parts/crictl", commands: []gobuild.Command{{Name: "crictl", Package: "sigs.k8s.io/cri-tools/cmd/crictl"}}},
		{
			build: &p.runc, dir: "parts/runc", commands: []gobuild.Command{{Name: "runc", Package: "github.com/opencontainers/runc"}},
			// Pods ask for seccomp profiles.
			tags: "seccomp,netgo,osusergo", cgo: true,
		},
		{build: &p.cni, dir: "parts/cni", commands: []gobuild.Command{
			{Name: "host-local", Package: plugins + "ipam/host-local"},
			{Name: "loopback", Package: plugins + "main/loopback"},
			{Name: "ptp", Package: plugins + "main/ptp"},
			{Name: "portmap", Package: plugins + "meta/portmap"},
		}},
		{build: &p.certManager, dir: "certmanager", commands: []gobuild.Command{
			{Name: "certmanager", Package: "github.com/dicer-dev/dicer/hack/kind/certmanager"},
		}},
	}
}

// ensure builds one part where it is not current.
func ensure(ctx context.Context, b *gobuild.Build) (note string, err error) {
	if b.Current() {
		return "there already", nil
	}
	return "built", b.Ensure(ctx)
}

// goBuild prepares the build of a package of the repository.
func goBuild(ctx context.Context, module, target string, args ...string) *exec.Cmd {
	cmd := command(ctx, "go", append([]string{"-C", module, "build", "-o", target}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	return cmd
}

// moduleDir returns the folder of a module that module file mod, in folder dir,
// pins.
func moduleDir(ctx context.Context, dir, mod, module string) (string, error) {
	cmd := command(ctx, "go", "-C", dir, "mod", "download", "-modfile="+mod, "-json", module)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	text, err := output(cmd)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return "", fmt.Errorf("go mod download -json %s: %w", module, err)
	}
	return found.Dir, nil
}
