package deploy

import (
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	webhookName = namespace + "/dicer-webhook"
	fanoutName  = namespace + "/dicer-fanout"
)

// deployments returns the overlay's Deployments by namespace and name.
func deployments(t *testing.T, o *overlay) map[string]*appsv1.Deployment {
	t.Helper()
	found := all[appsv1.Deployment](t, o, "Deployment")
	want := 1
	if o.hasFanout() {
		want = 2
	}
	if len(found) != want || found[webhookName] == nil {
		t.Fatalf("%d Deployments; want %d, %s among them", len(found), want, webhookName)
	}
	return found
}

// selected returns the names of the Deployments whose pods a selector means.
func selected(t *testing.T, o *overlay, selector *metav1.LabelSelector) string {
	t.Helper()
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, d := range deployments(t, o) {
		if match.Matches(labels.Set(d.Spec.Template.Labels)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

func TestEachSelectorMeansThePodsOfTheDeploymentOfItsName(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		selectors := map[string]*metav1.LabelSelector{}
		for name, d := range deployments(t, o) {
			selectors["Deployment "+name] = d.Spec.Selector
			if len(d.Spec.Template.Spec.TopologySpreadConstraints) != 2 {
				t.Errorf("%s is not spread over nodes and zones", name)
			}
			for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
				selectors[spread.TopologyKey+" "+name] = spread.LabelSelector
			}
		}
		for name, s := range all[corev1.Service](t, o, "Service") {
			selectors["Service "+name] = &metav1.LabelSelector{MatchLabels: s.Spec.Selector}
		}
		for name, b := range all[policyv1.PodDisruptionBudget](t, o, "PodDisruptionBudget") {
			selectors["PodDisruptionBudget "+name] = b.Spec.Selector
		}
		policies := all[networkingv1.NetworkPolicy](t, o, "NetworkPolicy")
		if len(policies) != len(deployments(t, o)) {
			t.Errorf("%d NetworkPolicies for %d Deployments", len(policies), len(deployments(t, o)))
		}
		for name, p := range policies {
			selectors["NetworkPolicy "+name] = &p.Spec.PodSelector
		}
		for who, selector := range selectors {
			_, name, _ := strings.Cut(who, " ")
			if got := selected(t, o, selector); got != name {
				t.Errorf("%s selects the pods of %q", who, got)
			}
		}
	})
}

func TestThePortsAreTheSameEverywhere(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		for name, d := range deployments(t, o) {
			c := d.Spec.Template.Spec.Containers[0]
			settings := settings(t, o, d)
			want := map[string]int32{"health": portOf(t, settings["health-probe-bind-address"]), "metrics": portOf(t, settings["metrics-bind-address"])}
			if name == webhookName {
				want["webhook"] = portOf(t, ":"+settings["port"])
			}
			ports := map[string]int32{}
			for _, port := range c.Ports {
				ports[port.Name] = port.ContainerPort
			}
			for port, number := range want {
				if ports[port] != number || len(ports) != len(want) {
					t.Errorf("%s: ports %v; its flags say %v", name, ports, want)
				}
			}
			for path, probe := range map[string]*corev1.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
				if probe.HTTPGet.Port.String() != "health" || probe.HTTPGet.Path != path {
					t.Errorf("%s: %s is asked at port %s, path %s", name, path, &probe.HTTPGet.Port, probe.HTTPGet.Path)
				}
			}
			if get := c.StartupProbe.HTTPGet; get.Port.String() != "health" || get.Path != "/readyz" {
				t.Errorf("%s: its start is asked for at %v", name, get)
			}
			var open []int32
			for _, rule := range all[networkingv1.NetworkPolicy](t, o, "NetworkPolicy")[name].Spec.Ingress {
				for _, port := range rule.Ports {
					open = append(open, port.Port.IntVal)
				}
			}
			for _, number := range want {
				if !slices.Contains(open, number) || len(open) != len(want) {
					t.Errorf("%s: its NetworkPolicy opens %v; want %v", name, open, want)
				}
			}
		}
	})
}

func TestTheConfigurationsPointToTheServiceAndItToTheWebhook(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		service := one[corev1.Service](t, o, "Service")
		if len(service.Spec.Ports) != 1 || service.Spec.Ports[0].TargetPort.String() != "webhook" {
			t.Errorf("the Service's ports are %v", service.Spec.Ports)
		}
		clients := map[string]admissionregistrationv1.WebhookClientConfig{}
		for _, w := range one[admissionregistrationv1.MutatingWebhookConfiguration](t, o, "MutatingWebhookConfiguration").Webhooks {
			clients[w.Name] = w.ClientConfig
		}
		for _, w := range one[admissionregistrationv1.ValidatingWebhookConfiguration](t, o, "ValidatingWebhookConfiguration").Webhooks {
			clients[w.Name] = w.ClientConfig
		}
		if len(clients) != 5 {
			t.Fatalf("%d webhooks; want 5", len(clients))
		}
		for name, c := range clients {
			port := int32(443)
			if c.Service.Port != nil {
				port = *c.Service.Port
			}
			if c.Service.Name != service.Name || c.Service.Namespace != service.Namespace || port != service.Spec.Ports[0].Port {
				t.Errorf("%s calls %v; the Service is %s/%s", name, c.Service, service.Namespace, service.Name)
			}
		}
	})
}

// TestTheCertificateIsForTheServiceAndReachesThePod follows it from who issues
// it to the flag of who serves with it.
func TestTheCertificateIsForTheServiceAndReachesThePod(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		d := deployments(t, o)[webhookName]
		pod := d.Spec.Template.Spec
		mounts := pod.Containers[0].VolumeMounts
		if len(mounts) != 1 || len(pod.Volumes) != 1 || mounts[0].Name != pod.Volumes[0].Name ||
			mounts[0].SubPath != "" || mounts[0].MountPath != settings(t, o, d)["cert-dir"] {
			t.Fatalf("volumes %v, mounts %v", pod.Volumes, mounts)
		}
		secret := pod.Volumes[0].Secret.SecretName
		var annotations []map[string]string
		for _, object := range o.objects {
			if strings.HasSuffix(object.GetKind(), "WebhookConfiguration") {
				annotations = append(annotations, object.GetAnnotations())
			}
		}
		if o.ofOpenShift() {
			if got := one[corev1.Service](t, o, "Service").Annotations["service.beta.openshift.io/serving-cert-secret-name"]; got != secret {
				t.Errorf("the Service asks for Secret %q; the pod mounts %q", got, secret)
			}
			for _, a := range annotations {
				if a["service.beta.openshift.io/inject-cabundle"] != "true" {
					t.Errorf("annotations %v of a configuration", a)
				}
			}
			return
		}
		certificates := map[string]map[string]any{}
		issuers := map[string]map[string]any{}
		for _, object := range o.objects {
			spec, _, _ := unstructured.NestedMap(object.Object, "spec")
			switch object.GetKind() {
			case "Certificate":
				certificates[object.GetName()] = spec
			case "Issuer":
				issuers[object.GetName()] = spec
			}
		}
		leaf, ca := certificates["dicer-webhook"], certificates["dicer-ca"]
		for _, check := range []struct {
			what      string
			got, want any
		}{
			{"the leaf's Secret", leaf["secretName"], secret},
			{"the leaf's first name", leaf["dnsNames"].([]any)[0], "dicer-webhook." + namespace + ".svc"},
			{"the leaf is a CA", leaf["isCA"], nil},
			{"the leaf's key", at(leaf, "privateKey", "rotationPolicy"), "Always"},
			{"the leaf's issuer signs by", at(issuers[at(leaf, "issuerRef", "name").(string)], "ca", "secretName"), ca["secretName"]},
			{"the CA is one", ca["isCA"], true},
			{"the CA's key", at(ca, "privateKey", "rotationPolicy"), "Never"},
			{"the CA's issuer", issuers[at(ca, "issuerRef", "name").(string)]["selfSigned"] != nil, true},
		} {
			if check.got != check.want {
				t.Errorf("%s: %v; want %v", check.what, check.got, check.want)
			}
		}
		for _, a := range annotations {
			if a["cert-manager.io/inject-ca-from"] != namespace+"/dicer-ca" {
				t.Errorf("annotations %v of a configuration", a)
			}
		}
	})
}

func at(object map[string]any, path ...string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	return value
}

func TestThePermissionsAreFanoutsAlone(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		accounts := all[corev1.ServiceAccount](t, o, "ServiceAccount")
		runs := map[string]bool{}
		for name, d := range deployments(t, o) {
			pod := d.Spec.Template.Spec
			account := namespace + "/" + pod.ServiceAccountName
			if accounts[account] == nil {
				t.Errorf("%s runs as %s, which is not there", name, account)
			}
			runs[account] = true
			if token := *pod.AutomountServiceAccountToken; token != (name != webhookName) {
				t.Errorf("%s has a token: %v", name, token)
			}
		}
		if a := accounts[webhookName]; a == nil || *a.AutomountServiceAccountToken {
			t.Error("the webhook's ServiceAccount hands out its token")
		}
		roles := all[rbacv1.Role](t, o, "Role")
		clusterRoles := all[rbacv1.ClusterRole](t, o, "ClusterRole")
		bound := map[string][]rbacv1.Subject{}
		for name, b := range all[rbacv1.RoleBinding](t, o, "RoleBinding") {
			if b.RoleRef.Kind != "Role" || roles[b.Namespace+"/"+b.RoleRef.Name] == nil {
				t.Errorf("RoleBinding %s binds %v", name, b.RoleRef)
			}
			bound[name] = b.Subjects
		}
		for name, b := range all[rbacv1.ClusterRoleBinding](t, o, "ClusterRoleBinding") {
			if b.RoleRef.Kind != "ClusterRole" || clusterRoles["/"+b.RoleRef.Name] == nil {
				t.Errorf("ClusterRoleBinding %s binds %v", name, b.RoleRef)
			}
			bound[name] = b.Subjects
		}
		if len(bound) != len(roles)+len(clusterRoles) {
			t.Errorf("%d bindings of %d roles", len(bound), len(roles)+len(clusterRoles))
		}
		for name, subjects := range bound {
			if len(subjects) != 1 || subjects[0].Kind != "ServiceAccount" {
				t.Errorf("%s is for %v", name, subjects)
				continue
			}
			if account := subjects[0].Namespace + "/" + subjects[0].Name; account == webhookName || !runs[account] {
				t.Errorf("%s is for %s, which is not fan-out's", name, account)
			}
		}
	})
}
