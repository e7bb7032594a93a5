package deploy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// install applies an overlay for the time of a test.
func install(t *testing.T, o *overlay) {
	t.Helper()
	before := everything(t)
	t.Cleanup(func() {
		o.delete(t)
		o.leavesNothing(t, before)
	})
	o.apply(t)
}

// pod is what the Deployment's controllers would create.
func pod(d *appsv1.Deployment) *corev1.Pod {
	template := d.Spec.Template.DeepCopy()
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: "pod", Labels: template.Labels, Annotations: template.Annotations},
		Spec:       template.Spec,
	}
}

func create(ctx context.Context, p *corev1.Pod) error {
	return env.Client.Create(ctx, p, client.DryRunAll)
}

func TestThePodsAreAdmittedAtTheRestrictedLevelAndWorseOnesAreNot(t *testing.T) {
	o := render(t, "../../deploy/overlays/default")
	install(t, o)
	countQuota(t, o)
	yes, no := true, false
	worse := map[string]func(*corev1.Pod){
		"that may be root":                   func(p *corev1.Pod) { p.Spec.SecurityContext.RunAsNonRoot = &no },
		"without a seccomp profile":          func(p *corev1.Pod) { p.Spec.SecurityContext.SeccompProfile = nil },
		"that keeps its capabilities":        func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Capabilities = nil },
		"that may gain privileges":           func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = &yes },
		"on the host's network":              func(p *corev1.Pod) { p.Spec.HostNetwork = true },
		"with a folder of the host's in it":  func(p *corev1.Pod) { hostPath(p) },
		"with a container that says nothing": func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = nil },
	}
	for name, d := range deployments(t, o) {
		t.Run(name, func(t *testing.T) {
			if err := create(t.Context(), pod(d)); err != nil {
				t.Errorf("refused: %v", err)
			}
			for what, change := range worse {
				p := pod(d)
				change(p)
				if err := create(t.Context(), p); err == nil || !strings.Contains(err.Error(), `violates PodSecurity "restricted:latest"`) {
					t.Errorf("one %s: %v", what, err)
				}
			}
			// Not of the level, but promised.
			if c := d.Spec.Template.Spec.Containers[0]; !*c.SecurityContext.ReadOnlyRootFilesystem || !c.Resources.Limits.Cpu().IsZero() {
				t.Error("it may write to its root, or has a CPU limit")
			}
		})
	}
}

func hostPath(p *corev1.Pod) {
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{
		Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}},
	})
}

// TestCriticalPodsAreAdmittedByTheQuotaAlone is why there is one: this API
// server limits them as GKE's does.
func TestCriticalPodsAreAdmittedByTheQuotaAlone(t *testing.T) {
	o := render(t, "../../deploy/overlays/webhook-only")
	install(t, o)
	countQuota(t, o)
	p := pod(deployments(t, o)[webhookName])
	if err := create(t.Context(), p.DeepCopy()); err != nil {
		t.Errorf("refused: %v", err)
	}
	quota := one[corev1.ResourceQuota](t, o, "ResourceQuota")
	if err := env.Client.Delete(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	err := cluster.Eventually(t.Context(), 30*time.Second, func(ctx context.Context) error {
		if err := create(ctx, p.DeepCopy()); err == nil || !strings.Contains(err.Error(), "insufficient quota to match these scopes") {
			return fmt.Errorf("without a quota: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// countQuota does what the quota controller does first, and waits for the API
// server to notice.
func countQuota(t *testing.T, o *overlay) {
	t.Helper()
	quota := &corev1.ResourceQuota{}
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "dicer-critical-pods"}, quota); err != nil {
		t.Fatal(err)
	}
	quota.Status.Hard = quota.Spec.Hard
	quota.Status.Used = corev1.ResourceList{}
	for name := range quota.Spec.Hard {
		quota.Status.Used[name] = resource.MustParse("0")
	}
	if err := env.Client.Status().Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	err := cluster.Eventually(t.Context(), 30*time.Second, func(ctx context.Context) error {
		err := create(ctx, pod(deployments(t, o)[webhookName]))
		if err != nil && strings.Contains(err.Error(), "status unknown for quota") {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
