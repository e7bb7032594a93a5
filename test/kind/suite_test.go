//go:build kind

package kind

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	namespace = "dicer-system"
	// golden is where fan-out writes.
	golden = "kubevirt-os-images"
	// streamed is where a stream of creates goes.
	streamed = "streamed"
	// ignored is a namespace that an administrator has taken out.
	ignored = "ignored"

	listKey = "ssp.kubevirt.io/dict.architectures"
	archKey = "template.kubevirt.io/architecture"
	baseKey = "cdi.kubevirt.io/storage.import.datasource-name"
)

func (s *suite) eventually(t *testing.T, timeout time.Duration, check func() error) {
	t.Helper()
	if err := cluster.Eventually(t.Context(), timeout, func(context.Context) error { return check() }); err != nil {
		t.Fatal(err)
	}
}

// kubectl returns what kubectl says; it has to succeed.
func (s *suite) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	stdout, _, err := s.Kubectl(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout
}

// onNode runs a program on the cluster's node.
func (s *suite) onNode(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", append([]string{"exec", options.node}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("on the node: %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// available waits for all of dicer's Deployments, and until the webhook is
// reached: a Service's address is set up a moment later.
func (s *suite) available(t *testing.T) {
	t.Helper()
	s.kubectl(t, "wait", "--namespace", namespace, "deployment", "--all", "--for=condition=Available", "--timeout=3m")
	s.eventually(t, time.Minute, func() error {
		made := cron("probe-amd64", map[string]string{archKey: "amd64"}, "probe")
		if err := s.Client.Create(t.Context(), made, client.DryRunAll); err != nil {
			return err
		}
		return completed(made, "amd64", "probe")
	})
}

// begin brings dicer, or takes it away, where the case before has left it
// otherwise, or was not asked for.
func (s *suite) begin(t *testing.T, installed bool) {
	t.Helper()
	if installed == s.installed {
		return
	}
	if installed {
		testInstall(t, s)
	} else {
		testUninstall(t, s)
	}
	s.figures = ""
}

// rolledOut waits for a rollout as kubectl does: until the new pods answer. Old
// ones may still be going.
func (s *suite) rolledOut(t *testing.T, deployment string) {
	t.Helper()
	s.kubectl(t, "rollout", "status", "--namespace", namespace, "deployment/"+deployment, "--timeout=3m")
}

// settled waits until the webhook's last old pod has gone.
func (s *suite) settled(t *testing.T) {
	t.Helper()
	s.eventually(t, 3*time.Minute, func() error {
		list, err := s.list(t, "webhook")
		for _, p := range list {
			if p.DeletionTimestamp != nil {
				return fmt.Errorf("pod %s is going", p.Name)
			}
		}
		return err
	})
}

// pods returns a component's pods that are not going.
func (s *suite) pods(t *testing.T, component string) []corev1.Pod {
	t.Helper()
	list, err := s.list(t, component)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

func (s *suite) list(t *testing.T, component string) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	err := s.Client.List(t.Context(), list, client.InNamespace(namespace), client.MatchingLabels{"app.kubernetes.io/component": component})
	return list.Items, err
}

// cron is a DataImportCron of the streamed namespace.
func cron(name string, labels map[string]string, dataSource string) *unstructured.Unstructured {
	text := fmt.Sprintf(`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: %s, namespace: %s}
spec:
  managedDataSource: %s
  schedule: 4 8/12 * * *
  template: {spec: {source: {registry: {url: "docker://registry.invalid/image"}}, storage: {resources: {requests: {storage: 1Gi}}}}}`,
		name, streamed, dataSource)
	made := parse(text)
	made.SetLabels(labels)
	return made
}

func parse(text string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		panic(fmt.Sprintf("%v in:\n%s", err, text))
	}
	return object
}

// completed tells what of a DataImportCron of base is not as it has to be for an
// architecture.
func completed(made *unstructured.Unstructured, architecture, base string) error {
	platform, _, _ := unstructured.NestedString(made.Object, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	dataSource, _, _ := unstructured.NestedString(made.Object, "spec", "managedDataSource")
	got := []string{made.GetLabels()[archKey], made.GetLabels()[baseKey], dataSource, platform, made.GetAnnotations()[listKey]}
	if want := []string{architecture, base, base + "-" + architecture, architecture, ""}; !slices.Equal(got, want) {
		return fmt.Errorf("%s: architecture, base, DataSource, platform and list are %q; want %q", made.GetName(), got, want)
	}
	return nil
}

// everything returns the names of all objects of the cluster, but for what comes
// and goes by itself, outside of dicer's namespace.
func (s *suite) everything(t *testing.T) (map[string]bool, error) {
	t.Helper()
	found := map[string]bool{}
	err := s.Everything(t.Context(), func(kind string, object *metav1.PartialObjectMetadata) {
		passing := kind == "Lease" || kind == "Pod"
		if kind != "Event" && (!passing || object.Namespace == namespace) {
			found[kind+" "+object.Namespace+"/"+object.Name] = true
		}
	})
	return found, err
}
