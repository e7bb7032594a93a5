package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Open returns a cluster that somebody else has started, and stops: Stop removes
// Dir alone. kubectl is the command's file.
func Open(ctx context.Context, kubeconfig, kubectl string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	dir, err := os.MkdirTemp("", "dicer-cluster-")
	if err != nil {
		return nil, fmt.Errorf("creating the cluster's directory: %w", err)
	}
	c := &Cluster{Dir: dir, Config: config, KubeconfigPath: kubeconfig, assets: filepath.Dir(kubectl)}
	if err := c.connect(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}
