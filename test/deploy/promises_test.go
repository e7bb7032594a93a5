package deploy

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// promises are what the manifests' comments promise, and nothing else here would
// miss.
var promises = []struct {
	name string
	kept func(*testing.T, *overlay)
}{
	{"firewalls let the control plane's calls through", reachable},
	{"a request that comes after SIGTERM is answered", drained},
	{"no request that is being answered is cut off", notCutOff},
	{"nothing leaves the webhook's pods", nothingLeaves},
	{"fan-out reaches the API server's usual ports", reachesAPIServers},
	{"DataSources may be written where they are made", writesDataSources},
	{"a pod that cannot be spread runs all the same", scheduledAnyway},
	{"of any number of replicas one is drained at a time", drainedOneByOne},
	{"a replica that is not ready keeps no node from being drained", unhealthyMayGo},
	{"a rollout leaves all replicas that there were", rolledOut},
	{"the largest reviews fit into the webhook's memory", memorySuffices},
	{"no variable of a Service is a setting", noServiceLinks},
	{"a registry that is away keeps no pod from starting", pulledOnce},
	{"cert-manager may be away for half of the leaf's time", renewedEarly},
	{"Linux nodes of any architecture will do", anyArchitecture},
	{"the quota is for the webhook's priority class", quotaIsOfTheClass},
	{"ten rollouts in a row fit into the quota", quotaSuffices},
}

func TestTheManifestsKeepTheirPromises(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		for _, promise := range promises {
			t.Run(promise.name, func(t *testing.T) { promise.kept(t, o) })
		}
	})
}

func reachable(t *testing.T, o *overlay) {
	port := settings(t, o, deployments(t, o)[webhookName])["port"]
	if port != "443" && port != "10250" {
		t.Errorf("the webhook is served at %s; want 443 or 10250", port)
	}
}

func drained(t *testing.T, o *overlay) {
	if delay := durationOf(t, settings(t, o, deployments(t, o)[webhookName])["shutdown-delay"]); delay <= 0 {
		t.Errorf("the shutdown delay is %s; want more", delay)
	}
}

// answerTimeout is what the server gives its last requests after
// --shutdown-timeout.
var answerTimeout = regexp.MustCompile(`\tanswerTimeout = (\d+) \* time\.Second\n`)

func notCutOff(t *testing.T, o *overlay) {
	source, err := os.ReadFile("../../cmd/webhook/app/server.go")
	if err != nil {
		t.Fatal(err)
	}
	found := answerTimeout.FindSubmatch(source)
	if found == nil {
		t.Fatalf("no %s in the server", answerTimeout)
	}
	d := deployments(t, o)[webhookName]
	served := durationOf(t, settings(t, o, d)["shutdown-timeout"]) + durationOf(t, string(found[1])+"s")
	if grace := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second; grace <= served {
		t.Errorf("a pod is killed %s after SIGTERM; it answers for up to %s", grace, served)
	}
}

func nothingLeaves(t *testing.T, o *overlay) {
	policy := all[networkingv1.NetworkPolicy](t, o, "NetworkPolicy")[webhookName]
	for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
		if !slices.Contains(policy.Spec.PolicyTypes, direction) {
			t.Errorf("the policy is of %v; want %s too", policy.Spec.PolicyTypes, direction)
		}
	}
	if len(policy.Spec.Egress) > 0 {
		t.Errorf("the policy lets out %v; want nothing", policy.Spec.Egress)
	}
}

func reachesAPIServers(t *testing.T, o *overlay) {
	if !o.hasFanout() {
		return
	}
	policy := all[networkingv1.NetworkPolicy](t, o, "NetworkPolicy")[fanoutName]
	if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
		t.Errorf("the policy is of %v; want Egress too", policy.Spec.PolicyTypes)
	}
	var ports []int32
	for _, rule := range policy.Spec.Egress {
		if len(rule.To) > 0 {
			t.Errorf("the policy lets out to %v; want anywhere: the API server's address is not known", rule.To)
		}
		for _, port := range rule.Ports {
			if protocol := port.Protocol; protocol != nil && *protocol != corev1.ProtocolTCP {
				t.Errorf("port %s is of %s; want TCP", port.Port, *protocol)
			}
			ports = append(ports, port.Port.IntVal)
		}
	}
	if !slices.Equal(ports, []int32{443, 6443}) {
		t.Errorf("the policy lets out to ports %v; want 443 and 6443", ports)
	}
}

func writesDataSources(t *testing.T, o *overlay) {
	if !o.hasFanout() {
		return
	}
	settings := settings(t, o, deployments(t, o)[fanoutName])
	role := all[rbacv1.Role](t, o, "Role")[settings["golden-images-namespace"]+"/dicer-fanout"]
	may := slices.ContainsFunc(role.Rules, func(rule rbacv1.PolicyRule) bool { return slices.Contains(rule.Resources, "datasources") })
	if made := settings["templates"] == "all"; may != made {
		t.Errorf("with --templates=%s fan-out may write DataSources: %v; want %v", settings["templates"], may, made)
	}
}

func scheduledAnyway(t *testing.T, o *overlay) {
	for name, d := range deployments(t, o) {
		for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
			if spread.WhenUnsatisfiable != corev1.ScheduleAnyway {
				t.Errorf("%s: %s over %s; want %s", name, spread.WhenUnsatisfiable, spread.TopologyKey, corev1.ScheduleAnyway)
			}
		}
	}
}

func drainedOneByOne(t *testing.T, o *overlay) {
	budget := one[policyv1.PodDisruptionBudget](t, o, "PodDisruptionBudget").Spec
	if budget.MinAvailable != nil || budget.MaxUnavailable == nil || budget.MaxUnavailable.String() != "1" {
		t.Errorf("minAvailable %v, maxUnavailable %v; want maxUnavailable 1 alone", budget.MinAvailable, budget.MaxUnavailable)
	}
}

func unhealthyMayGo(t *testing.T, o *overlay) {
	budget := one[policyv1.PodDisruptionBudget](t, o, "PodDisruptionBudget").Spec
	if got := budget.UnhealthyPodEvictionPolicy; got == nil || *got != policyv1.AlwaysAllow {
		t.Errorf("the budget does not say %s", policyv1.AlwaysAllow)
	}
}

func rolledOut(t *testing.T, o *overlay) {
	for name, d := range deployments(t, o) {
		rolling := d.Spec.Strategy.RollingUpdate
		if *d.Spec.Replicas != 2 || rolling.MaxUnavailable.String() != "0" || rolling.MaxSurge.String() != "1" {
			t.Errorf("%s: %d replicas, %v", name, *d.Spec.Replicas, rolling)
		}
	}
}

func memorySuffices(t *testing.T, o *overlay) {
	// Measured by make hostile, as deploy/base/deployment.yaml says.
	peak := resource.MustParse("212Mi")
	limit := deployments(t, o)[webhookName].Spec.Template.Spec.Containers[0].Resources.Limits.Memory()
	if limit.Cmp(peak) < 0 {
		t.Errorf("the webhook's limit is %s; want %s or more", limit, &peak)
	}
}

func noServiceLinks(t *testing.T, o *overlay) {
	for name, d := range deployments(t, o) {
		if links := d.Spec.Template.Spec.EnableServiceLinks; links == nil || *links {
			t.Errorf("%s gets a variable for each Service", name)
		}
	}
}

func pulledOnce(t *testing.T, o *overlay) {
	for name, d := range deployments(t, o) {
		if got := d.Spec.Template.Spec.Containers[0].ImagePullPolicy; got != corev1.PullIfNotPresent {
			t.Errorf("%s: its image is pulled %q; want %s", name, got, corev1.PullIfNotPresent)
		}
	}
}

func renewedEarly(t *testing.T, o *overlay) {
	if o.ofOpenShift() {
		return
	}
	for _, object := range o.objects {
		if object.GetKind() != "Certificate" || object.GetName() != "dicer-webhook" {
			continue
		}
		duration := durationOf(t, at(object.Object, "spec", "duration").(string))
		before := durationOf(t, at(object.Object, "spec", "renewBefore").(string))
		if before < duration/2 {
			t.Errorf("of %s the leaf is renewed %s before its end; want half or more", duration, before)
		}
		return
	}
	t.Error("no Certificate dicer-webhook")
}

func anyArchitecture(t *testing.T, o *overlay) {
	linux := map[string]string{corev1.LabelOSStable: "linux"}
	for name, d := range deployments(t, o) {
		if pod := d.Spec.Template.Spec; !maps.Equal(pod.NodeSelector, linux) || pod.Affinity != nil {
			t.Errorf("%s: node selector %v, affinity %v; want %v alone", name, pod.NodeSelector, pod.Affinity, linux)
		}
	}
}

func quotaIsOfTheClass(t *testing.T, o *overlay) {
	class := deployments(t, o)[webhookName].Spec.Template.Spec.PriorityClassName
	scope := one[corev1.ResourceQuota](t, o, "ResourceQuota").Spec.ScopeSelector.MatchExpressions
	want := []corev1.ScopedResourceSelectorRequirement{
		{ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: corev1.ScopeSelectorOpIn, Values: []string{class}},
	}
	if diff := cmp.Diff(want, scope); diff != "" || class == "" {
		t.Errorf("of class %q; the quota's scope (-want +got):\n%s", class, diff)
	}
}

// quotaSuffices: a pod that was told to stop counts until it is gone.
func quotaSuffices(t *testing.T, o *overlay) {
	const rollouts = 10
	d := deployments(t, o)[webhookName]
	pods := int64(*d.Spec.Replicas)*(1+rollouts) + int64(d.Spec.Strategy.RollingUpdate.MaxSurge.IntValue())
	hard := one[corev1.ResourceQuota](t, o, "ResourceQuota").Spec.Hard[corev1.ResourcePods]
	if hard.Value() < pods {
		t.Errorf("the quota is of %s pods; want %d or more", &hard, pods)
	}
}
