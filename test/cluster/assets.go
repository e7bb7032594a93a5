package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	modulePath     = "github.com/dicer-dev/dicer"
	assetsVariable = "KUBEBUILDER_ASSETS"
)

// FindAssets returns the directory that holds etcd, kube-apiserver and kubectl:
// KUBEBUILDER_ASSETS where that is set, else what hack/controlplane has built
// for K8S_VERSION. It builds nothing itself; its errors say what to run.
func FindAssets(ctx context.Context) (string, error) {
	if dir := os.Getenv(assetsVariable); dir != "" {
		for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				return "", fmt.Errorf("%s: %w: correct or unset it", assetsVariable, err)
			}
		}
		return dir, nil
	}
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	var stdout, stderr strings.Builder
	// A module of its own, which alone knows its versions, their order and
	// what makes a build of them out of date.
	tmp, err := os.MkdirTemp("", "dicer-assets-")
	if err != nil {
		return "", fmt.Errorf("creating a folder for go's temporary files: %w", err)
	}
	defer os.RemoveAll(tmp)
	cmd := goCommand(ctx, filepath.Join(root, "hack", "controlplane"), tmp, "run", ".", "-print-dir")
	// A go.work file that a developer keeps for the root module need not list it.
	cmd.Env = append(cmd.Env, "GOWORK=off")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("no control plane to test with: run `make test`, or `make controlplane` to build it alone,"+
			" or set %s to a directory with etcd, kube-apiserver and kubectl\ngo run -C %s: %w\n%s",
			assetsVariable, cmd.Dir, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// repositoryRoot walks up from the working directory: go test runs a test in
// its package's directory, other programs run anywhere in the tree.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module "+modulePath+"\n")) {
			return dir, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("looking for the repository's root: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod of %s in the working directory or above it", modulePath)
		}
		dir = parent
	}
}
