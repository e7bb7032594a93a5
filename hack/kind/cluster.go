package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// clusterName is kind's; its one node is called after it.
const clusterName = "dicer"

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

// certManagerModule pins cert-manager, of which the published manifest is taken
// in the same version.
const certManagerModule = "github.com/cert-manager/cert-manager"

// installCertManager installs the published one, or that of archive, which was
// built from source.
func (c *cluster) installCertManager(ctx context.Context, archive string) error {
	var err error
	if archive == "" {
		err = c.publishedCertManager(ctx)
	} else {
		err = c.builtCertManager(ctx, archive)
	}
	if err != nil {
		return err
	}
	if err := quietly(c.kubectlCommand(ctx, "wait", "--namespace", "cert-manager", "deployment", "--all", "--for=condition=Available", "--timeout=5m")); err != nil {
		return err
	}
	// The published one has a webhook, which is late at times.
	return eventually(ctx, time.Minute, func() error {
		probe := c.kubectlCommand(ctx, "create", "--dry-run=server", "--filename", "-")
		probe.Stdin = strings.NewReader(`{"apiVersion":"cert-manager.io/v1","kind":"Issuer","metadata":{"name":"probe","namespace":"default"},"spec":{"selfSigned":{}}}`)
		return quietly(probe)
	})
}

func (c *cluster) publishedCertManager(ctx context.Context) error {
	mod, err := os.ReadFile(filepath.Join(modules, "certmanager", "go.mod"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(regexp.QuoteMeta(certManagerModule) + ` (v\S+)`).FindSubmatch(mod)
	if found == nil {
		return errors.New("hack/kind/certmanager/go.mod does not name cert-manager")
	}
	return quietly(c.kubectlCommand(ctx, "apply", "--filename",
		fmt.Sprintf("https://%s/releases/download/%s/cert-manager.yaml", certManagerModule, found[1])))
}

func (c *cluster) builtCertManager(ctx context.Context, archive string) error {
	if err := c.load(ctx, archive); err != nil {
		return err
	}
	dir, err := moduleDir(ctx, filepath.Join(modules, "certmanager"), "go.mod", certManagerModule)
	if err != nil {
		return err
	}
	for _, kind := range []string{"certificaterequests", "certificates", "clusterissuers", "issuers"} {
		file := filepath.Join(dir, "deploy", "crds", "cert-manager.io_"+kind+".yaml")
		// Its descriptions are too long for the annotation of a client's apply.
		if err := quietly(c.kubectlCommand(ctx, "apply", "--server-side", "--filename", file)); err != nil {
			return err
		}
	}
	manifest, err := files.ReadFile("files/cert-manager.yaml")
	if err != nil {
		return err
	}
	apply := c.kubectlCommand(ctx, "apply", "--filename", "-")
	apply.Stdin = strings.NewReader(string(manifest))
	return quietly(apply)
}

// certManagerArchive makes the image that files/cert-manager.yaml names.
func certManagerArchive(ctx context.Context, e *engine, p *parts, dir string) (string, error) {
	i := &image{
		tag:          "dicer-kind-cert-manager:source",
		files:        map[string]string{"certmanager": p.certManager.File("certmanager")},
		instructions: "USER 65532:65532\nENTRYPOINT [\"/certmanager\"]\n",
	}
	if err := i.build(ctx, e, filepath.Join(dir, "cert-manager")); err != nil {
		return "", err
	}
	archive := filepath.Join(dir, "cert-manager.tar")
	return archive, quietly(e.docker(ctx, "save", "--output", archive, i.tag))
}

// nodeConstant is where kind's module names the node image that it was released
// with.
var nodeConstant = regexp.MustCompile(`const Image = "(.+)"`)

// canPull tells whether the engine has, or gets, kind's own node image.
func canPull(ctx context.Context, e *engine) (bool, error) {
	dir, err := moduleDir(ctx, filepath.Join(modules, "parts", "kind"), "go.mod", "sigs.k8s.io/kind")
	if err != nil {
		return false, err
	}
	path := filepath.Join(dir, "pkg", "apis", "config", "defaults", "image.go")
	content, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	found := nodeConstant.FindSubmatch(content)
	if found == nil {
		return false, fmt.Errorf("%s names no node image: kind has changed it", path)
	}
	return e.docker(ctx, "pull", "--quiet", string(found[1])).Run() == nil, nil
}
