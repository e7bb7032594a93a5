// Package kubernetes pins the versions of Kubernetes that can be built from
// their Go modules, and says how.
package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dicer-dev/dicer/hack/controlplane/gobuild"
)

// ControlPlane is what tests and the demo need. The first takes most of the time.
var ControlPlane = []gobuild.Command{
	{Name: "kube-apiserver", Package: "k8s.io/kubernetes/cmd/kube-apiserver"},
	{Name: "etcd", Package: "go.etcd.io/etcd/server/v3"},
	{Name: "kubectl", Package: "k8s.io/kubernetes/cmd/kubectl"},
}

// Node is what a node of a whole cluster needs besides.
var Node = []gobuild.Command{
	{Name: "kubelet", Package: "k8s.io/kubernetes/cmd/kubelet"},
	{Name: "kubeadm", Package: "k8s.io/kubernetes/cmd/kubeadm"},
	{Name: "kube-controller-manager", Package: "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{Name: "kube-scheduler", Package: "k8s.io/kubernetes/cmd/kube-scheduler"},
	{Name: "kube-proxy", Package: "k8s.io/kubernetes/cmd/kube-proxy"},
}

// ControlPlaneDir is where the control plane of version v is kept: in the user's
// cache directory, for every clone.
func ControlPlaneDir(v Version) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w", err)
	}
	return filepath.Join(cache, "dicer", "controlplane", v.String()+"-"+gobuild.Platform()), nil
}

// Recipe builds commands of version v into dir.
func Recipe(v Version, title, dir string, commands []gobuild.Command) (gobuild.Recipe, error) {
	mod, err := pins.ReadFile(v.String() + ".mod")
	if err != nil {
		return gobuild.Recipe{}, err
	}
	sum, err := pins.ReadFile(v.String() + ".sum")
	if err != nil {
		return gobuild.Recipe{}, err
	}
	return gobuild.Recipe{
		Title:    title + " " + v.String(),
		Dir:      dir,
		Module:   map[string][]byte{"go.mod": mod, "go.sum": sum},
		Commands: commands,
		LDFlags:  linkerFlags(v),
	}, nil
}

// linkerFlags stamps the version as Kubernetes' own release does, so that
// kubectl, GET /version and the user agents name it.
func linkerFlags(v Version) string {
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			fmt.Sprintf("-X %s.gitVersion=%s", pkg, v),
			fmt.Sprintf("-X %s.gitMajor=%d", pkg, v.major),
			fmt.Sprintf("-X %s.gitMinor=%d", pkg, v.minor),
			fmt.Sprintf("-X %s.gitCommit=unknown", pkg),
			fmt.Sprintf("-X %s.gitTreeState=clean", pkg),
		)
	}
	return strings.Join(flags, " ")
}
