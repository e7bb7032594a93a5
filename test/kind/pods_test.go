//go:build kind

package kind

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// testPods looks at what runs, where test/deploy looks at what is asked for.
func testPods(t *testing.T, s *suite) {
	home := &corev1.Namespace{}
	if err := s.Client.Get(t.Context(), client.ObjectKey{Name: namespace}, home); err != nil {
		t.Fatal(err)
	}
	if level := home.Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
		t.Errorf("namespace %s enforces %q", namespace, level)
	}
	worse := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "worse", Namespace: namespace}}
	worse.Spec.Containers = []corev1.Container{{Name: "worse", Image: "dicer:" + options.version}}
	if err := s.Client.Create(t.Context(), worse, client.DryRunAll); err == nil || !strings.Contains(err.Error(), `violates PodSecurity "restricted:latest"`) {
		t.Errorf("a pod that does not say how little it needs: %v", err)
	}
	for component, token := range map[string]bool{"webhook": false, "fanout": true} {
		for _, p := range s.pods(t, component) {
			process := s.process(t, &p)
			status := s.onNode(t, "cat", "/proc/"+process+"/status")
			for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532\n", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
				if !strings.Contains(status, want) {
					t.Errorf("%s: no line %q in its process's status:\n%s", p.Name, want, status)
				}
			}
			if root, _, _ := strings.Cut(s.onNode(t, "grep", " / / ", "/proc/"+process+"/mountinfo"), " - "); !strings.Contains(root, " ro,") {
				t.Errorf("%s: its root is not read-only: %s", p.Name, root)
			}
			mounted := strings.Contains(s.onNode(t, "cat", "/proc/"+process+"/mountinfo"), "/var/run/secrets/kubernetes.io/serviceaccount")
			if mounted != token {
				t.Errorf("%s: has a token: %t; want %t", p.Name, mounted, token)
			}
		}
	}
	policies := &networkingv1.NetworkPolicyList{}
	if err := s.Client.List(t.Context(), policies, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	if len(policies.Items) != 2 {
		t.Errorf("%d NetworkPolicies; want 2", len(policies.Items))
	}
	s.figures = fmt.Sprintf("4 processes looked at; %d NetworkPolicies are there (kind's network enforces none)", len(policies.Items))
}

// container returns the ID of a pod's only container, as the node's containerd
// has it.
func container(t *testing.T, p *corev1.Pod) string {
	t.Helper()
	if len(p.Status.ContainerStatuses) != 1 {
		t.Fatalf("pod %s has %d containers", p.Name, len(p.Status.ContainerStatuses))
	}
	return strings.TrimPrefix(p.Status.ContainerStatuses[0].ContainerID, "containerd://")
}

// process returns the ID of the process of a pod's container, on the node.
func (s *suite) process(t *testing.T, p *corev1.Pod) string {
	t.Helper()
	id := container(t, p)
	for line := range strings.Lines(s.onNode(t, "ctr", "--namespace", "k8s.io", "tasks", "list")) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == id {
			return fields[1]
		}
	}
	t.Fatalf("pod %s: no task %s on the node", p.Name, id)
	return ""
}
