package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/dicer-dev/dicer/test/cluster"
)

// monitored renders a user's overlay with components/monitoring.
func monitored(t *testing.T, without ...string) *overlay {
	t.Helper()
	const last = "- ../../components/settings\n"
	kustomization := strings.Replace(ownKustomization, last, "- ../../components/monitoring\n"+last, 1)
	for _, component := range without {
		kustomization = strings.Replace(kustomization, "- ../../components/"+component+"\n", "", 1)
	}
	return own(t, kustomization)
}

// monitoring is the ServiceMonitor, as far as it is looked at.
type monitoring struct {
	Spec struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port        string `json:"port"`
			Relabelings []struct {
				SourceLabels []string `json:"sourceLabels"`
				TargetLabel  string   `json:"targetLabel"`
				Replacement  string   `json:"replacement"`
			} `json:"relabelings"`
		} `json:"endpoints"`
	} `json:"spec"`
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
}

// TestMonitoringIsInstalled: the API server knows each field, warns of none, and
// everything goes again, with fan-out and without.
func TestMonitoringIsInstalled(t *testing.T) {
	for name, o := range map[string]*overlay{"with fan-out": monitored(t), "the webhook alone": monitored(t, "fanout", "ssp-crd")} {
		t.Run(name, func(t *testing.T) {
			install(t, o)
			installed := o.versions(t)
			o.apply(t)
			for key, version := range o.versions(t) {
				if installed[key] != version {
					t.Errorf("%s is another one after a second apply", key)
				}
			}
		})
	}
}

// TestWhatIsScraped follows it from the ServiceMonitor to the pods' port, and to the
// name that rules and dashboard go by.
func TestWhatIsScraped(t *testing.T) {
	o := monitored(t)
	monitor := one[monitoring](t, o, "ServiceMonitor")
	if len(monitor.Spec.Endpoints) != 1 || len(monitor.Spec.Endpoints[0].Relabelings) != 1 {
		t.Fatalf("endpoints %+v", monitor.Spec.Endpoints)
	}
	endpoint := monitor.Spec.Endpoints[0]
	selects, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	services := all[corev1.Service](t, o, "Service")
	for name, service := range services {
		if service.Namespace == monitor.Namespace && selects.Matches(labels.Set(service.Labels)) {
			names = append(names, name)
		}
	}
	if want := []string{namespace + "/dicer-metrics"}; !slices.Equal(names, want) {
		t.Fatalf("it selects %v; want %v", names, want)
	}
	service := services[names[0]]
	if got, want := selected(t, o, &metav1.LabelSelector{MatchLabels: service.Spec.Selector}), fanoutName+" and "+webhookName; got != want {
		t.Errorf("the Service is of %s; want %s", got, want)
	}
	if len(service.Spec.Ports) != 1 || service.Spec.Ports[0].Name != endpoint.Port || !service.Spec.PublishNotReadyAddresses {
		t.Errorf("the Service's ports are %v; want %s, also of pods that are not ready", service.Spec.Ports, endpoint.Port)
	}
	relabeling := endpoint.Relabelings[0]
	if relabeling.TargetLabel != "job" || !slices.Equal(relabeling.SourceLabels, []string{"__meta_kubernetes_pod_label_app_kubernetes_io_component"}) {
		t.Errorf("relabelled is %+v", relabeling)
	}
	for name, d := range deployments(t, o) {
		port := portOf(t, settings(t, o, d)["metrics-bind-address"])
		if got := service.Spec.Ports[0]; got.Port != port || got.TargetPort.String() != "metrics" {
			t.Errorf("%s serves at %d; the Service's port is %v", name, port, got)
		}
		if !slices.ContainsFunc(d.Spec.Template.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool { return p.Name == "metrics" && p.ContainerPort == port }) {
			t.Errorf("%s has no port metrics of number %d", name, port)
		}
		if !letsIn(all[networkingv1.NetworkPolicy](t, o, "NetworkPolicy")[name], port) {
			t.Errorf("%s: its NetworkPolicy keeps Prometheus from port %d", name, port)
		}
		job := strings.ReplaceAll(relabeling.Replacement, "$1", d.Spec.Template.Labels["app.kubernetes.io/component"])
		if want := strings.TrimPrefix(name, namespace+"/"); job != want {
			t.Errorf("%s is job %q; want %q", name, job, want)
		}
	}
}

// letsIn tells whether anybody may reach a port.
func letsIn(policy *networkingv1.NetworkPolicy, port int32) bool {
	return slices.ContainsFunc(policy.Spec.Ingress, func(rule networkingv1.NetworkPolicyIngressRule) bool {
		return len(rule.From) == 0 && slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntVal == port })
	})
}

// TestTheAPIServerCountsWhatItCannotAsk is of the one metric in the rules that is
// not dicer's: of that name, with these labels.
func TestTheAPIServerCountsWhatItCannotAsk(t *testing.T) {
	o := monitored(t)
	install(t, o)
	o.inject(t)
	counted := map[string]string{
		"name": "mutate.dataimportcron.dicer.dev", "type": "admit", "operation": "CREATE", "error_type": "calling_webhook_error",
	}
	err := cluster.Eventually(t.Context(), 30*time.Second, func(ctx context.Context) error {
		cron := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataImportCron",
			"metadata": map[string]any{"namespace": "default", "generateName": "probe-", "labels": map[string]any{"template.kubevirt.io/architecture": "arm64"}},
			"spec": map[string]any{"managedDataSource": "probe", "schedule": "0 0 * * 2", "template": map[string]any{
				"spec": map[string]any{"source": map[string]any{"registry": map[string]any{"url": "docker://registry.invalid/probe"}}}}},
		}}
		if err := env.Client.Create(ctx, cron); err == nil {
			// The configurations reach the API server by a watch.
			return errors.Join(errors.New("a DataImportCron was created without the webhook"), env.Client.Delete(ctx, cron))
		} else if !strings.Contains(err.Error(), "failed calling webhook") {
			return err
		}
		count, err := env.Value(ctx, "apiserver_admission_webhook_rejection_count", counted)
		if err == nil && count == 0 {
			err = fmt.Errorf("nothing is counted for %v", counted)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
