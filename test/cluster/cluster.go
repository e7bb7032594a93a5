package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const fieldOwner = client.FieldOwner("dicer-test-cluster")

// Options are what Start starts.
type Options struct {
	// CRDs are installed before Start returns. Default: none.
	CRDs []*apiextensionsv1.CustomResourceDefinition
	// APIServerFlags are added to kube-apiserver's, or replace them: name
	// without dashes to value. Default: none.
	APIServerFlags map[string]string
	// Progress is told each step as it begins. Default: nobody is told.
	Progress func(step string)
}

// Cluster is etcd and a kube-apiserver on loopback. No controller runs: a
// namespace never finishes its deletion, and nothing is garbage collected.
type Cluster struct {
	// Dir holds all of the cluster's files, and may hold its user's. Stop
	// removes it.
	Dir string
	// Config is the administrator's, without a client-side rate limit and
	// deaf to warnings.
	Config *rest.Config
	// KubeconfigPath names a file in Dir that says the same to kubectl.
	KubeconfigPath string
	// Client uses Config. It knows Kubernetes' own types and CRDs; others go
	// in and out unstructured.
	Client client.Client

	assets string
	// etcd and apiServer are nil where somebody else has started them.
	etcd, apiServer *process
	apiServerFlags  map[string]string
	stopOnce        sync.Once
	stopErr         error
}

// Start starts a cluster and returns once it serves. Cancelling ctx ends the
// start, not the cluster. After an error nothing is left running.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	assets, err := FindAssets(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dicer-cluster-")
	if err != nil {
		return nil, fmt.Errorf("creating the cluster's directory: %w", err)
	}
	c := &Cluster{Dir: dir, assets: assets, KubeconfigPath: filepath.Join(dir, "kubeconfig")}
	if err := c.start(ctx, options); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, options Options) error {
	progress := options.Progress
	if progress == nil {
		progress = func(string) {}
	}
	certificates, err := NewCertificates(filepath.Join(c.Dir, "kube-apiserver"))
	if err != nil {
		return fmt.Errorf("preparing the API server's certificate: %w", err)
	}
	ports, err := FreePorts(2)
	if err != nil {
		return err
	}
	c.Config = adminConfig(certificates, ports[1])
	if err := writeKubeconfig(c.KubeconfigPath, c.Config); err != nil {
		return err
	}

	progress("starting etcd")
	if c.etcd, err = startEtcd(ctx, c.assets, c.Dir, ports[0]); err != nil {
		return err
	}
	progress("starting kube-apiserver")
	c.apiServerFlags = apiServerFlags(certificates, ports[0], ports[1])
	maps.Copy(c.apiServerFlags, options.APIServerFlags)
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	progress("installing the CRDs")
	return c.installCRDs(ctx, options.CRDs)
}

// connect makes Client and waits for the namespace that every cluster has.
func (c *Cluster) connect(ctx context.Context) error {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return fmt.Errorf("registering Kubernetes' types: %w", err)
	}
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return fmt.Errorf("registering the type of CRDs: %w", err)
	}
	var err error
	if c.Client, err = client.New(c.Config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("making a client of the API server: %w", err)
	}
	err = Eventually(ctx, startTimeout, func(ctx context.Context) error {
		return c.Client.Get(ctx, client.ObjectKey{Name: corev1.NamespaceDefault}, &corev1.Namespace{})
	})
	if err != nil {
		return fmt.Errorf("waiting for namespace %s: %w", corev1.NamespaceDefault, err)
	}
	return nil
}

// installCRDs returns once every served version answers.
func (c *Cluster) installCRDs(ctx context.Context, crds []*apiextensionsv1.CustomResourceDefinition) error {
	for _, crd := range crds {
		if err := c.Client.Create(ctx, crd.DeepCopy()); err != nil {
			return fmt.Errorf("creating CRD %s: %w", crd.Name, err)
		}
	}
	for _, crd := range crds {
		for _, version := range crd.Spec.Versions {
			if !version.Served {
				continue
			}
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(schema.GroupVersionKind{
				Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.ListKind,
			})
			err := Eventually(ctx, startTimeout, func(ctx context.Context) error {
				return c.Client.List(ctx, list)
			})
			if err != nil {
				return fmt.Errorf("waiting for %s %s to be served: %w", crd.Name, version.Name, err)
			}
		}
	}
	return nil
}

// Namespace makes a namespace with exactly these labels, or sets them.
func (c *Cluster) Namespace(ctx context.Context, name string, labels map[string]string) error {
	namespace := applycorev1.Namespace(name).WithLabels(labels)
	if err := c.Client.Apply(ctx, namespace, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("applying namespace %s: %w", name, err)
	}
	return nil
}

// Kubectl runs kubectl as the cluster's administrator, apart from the
// settings and caches of the user. The error of a kubectl that failed holds
// its stderr too.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.assets, "kubectl"), args...)
	cmd.Env = []string{
		"KUBECONFIG=" + c.KubeconfigPath, "HOME=" + c.Dir, "TMPDIR=" + c.Dir, "PATH=" + os.Getenv("PATH"),
	}
	cmd.SysProcAttr = childAttributes()
	cmd.Stdin = strings.NewReader(stdin)
	var outBuffer, errBuffer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &outBuffer, &errBuffer
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errBuffer.String()))
	}
	return outBuffer.String(), errBuffer.String(), err
}

// Stop stops the processes and removes Dir. Further calls return the same.
func (c *Cluster) Stop() error {
	c.stopOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		for _, p := range []*process{c.apiServer, c.etcd} {
			if p != nil {
				// However it exits, it is gone, and its data with it.
				_ = p.stop(ctx)
			}
		}
		if err := os.RemoveAll(c.Dir); err != nil {
			c.stopErr = fmt.Errorf("removing the cluster's directory: %w", err)
		}
	})
	return c.stopErr
}
