package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

// golden is the namespace of the golden images.
const golden = "kubevirt-os-images"

// env is what all tests share.
var env struct {
	*cluster.Cluster
	// dir has kubectl-dicer, and kubectl's own files.
	dir string
}

func TestMain(m *testing.M) {
	code, err := cluster.RunTests(start, m.Run, stop)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func start(ctx context.Context) error {
	log.SetLogger(logr.Discard())
	var err error
	if env.dir, err = os.MkdirTemp("", "dicer-plugin-"); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(env.dir, "kubectl-dicer"), "..")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building kubectl-dicer: %w\n%s", err, output)
	}
	if env.Cluster, err = cluster.Start(ctx, cluster.Options{CRDs: crds.All()}); err != nil {
		return err
	}
	for _, name := range []string{golden, "kubevirt", "elsewhere"} {
		if err := env.Namespace(ctx, name, nil); err != nil {
			return err
		}
	}
	return nil
}

func stop() error {
	var err error
	if env.Cluster != nil {
		err = env.Stop()
	}
	return errors.Join(err, os.RemoveAll(env.dir))
}

// command is kubectl, which finds the plugin by its PATH, as the cluster's
// administrator.
func command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	assets, err := cluster.FindAssets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(assets, "kubectl"), args...)
	cmd.Env = []string{"KUBECONFIG=" + env.KubeconfigPath, "PATH=" + env.dir, "HOME=" + env.dir, "KUBECACHEDIR=" + filepath.Join(env.dir, "cache")}
	return cmd
}

// kubectl runs it with a standard input and returns what it writes and its exit code.
func kubectl(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := command(t.Context(), t, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// create creates an object from YAML, and deletes it after the test.
func create(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err)
	}
	if err := env.Client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Client.Delete(context.Background(), o); err != nil {
			t.Errorf("deleting %s: %v", o.GetName(), err)
		}
	})
	return o
}
