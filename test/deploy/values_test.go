package deploy

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/dicer-dev/dicer/internal/command"
)

// ofThePod are flags of what the pod alone has: its files, the ports that others
// know, and the namespace that its Role is in. The first two set nothing.
var ofThePod = []string{
	"help", "version", "cert-dir", "kubeconfig",
	"health-probe-bind-address", "metrics-bind-address", "leader-elect-resource-namespace",
}

// freeFlags returns the flags of a Deployment's command that are left to a user of
// the chart. owned are those with a value of their own; what the manifests set, by
// an argument or a variable, is known from them.
func freeFlags(t *testing.T, o *overlay, d *appsv1.Deployment, owned ...string) []string {
	t.Helper()
	c := d.Spec.Template.Spec.Containers[0]
	set := environment(t, o, c)
	var free []string
	for flag := range flags(t, c) {
		_, variable := set[command.EnvName(flag)]
		argument := slices.ContainsFunc(c.Args, func(arg string) bool {
			name, _, _ := strings.Cut(arg, "=")
			return name == "--"+flag
		})
		if !variable && !argument && !slices.Contains(ofThePod, flag) && !slices.Contains(owned, flag) {
			free = append(free, flag)
		}
	}
	slices.Sort(free)
	return free
}

// schema reads something of the chart's values.schema.json.
func schema(t *testing.T, path ...string) any {
	t.Helper()
	content, err := os.ReadFile("../../deploy/chart/dicer/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	found := at(all, path...)
	if found == nil {
		t.Fatalf("the schema has no %s", strings.Join(path, "."))
	}
	return found
}

func TestExtraSettingsAreTheFreeFlagsOfTheWebhook(t *testing.T) {
	o := render(t, "../../deploy/overlays/default")
	var want []string
	for _, flag := range freeFlags(t, o, deployments(t, o)[webhookName], "validation-action", "client-ca-file", "client-allowed-names") {
		want = append(want, command.EnvName(flag))
	}
	var got []string
	for name := range schema(t, "properties", "extraSettings", "properties").(map[string]any) {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extraSettings (-flags +schema):\n%s", diff)
	}
	if schema(t, "properties", "extraSettings", "additionalProperties") != false {
		t.Error("extraSettings takes any other name, too")
	}
}

func TestExtraArgsAreTheFreeFlagsOfFanout(t *testing.T) {
	o := render(t, "../../deploy/overlays/default")
	d := deployments(t, o)[fanoutName]
	pattern := regexp.MustCompile(schema(t, "properties", "fanout", "properties", "extraArgs", "items", "pattern").(string))
	var got []string
	for flag := range flags(t, d.Spec.Template.Spec.Containers[0]) {
		if pattern.MatchString("--" + flag + "=x") {
			got = append(got, flag)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(freeFlags(t, o, d, "templates", "target-namespaces"), got); diff != "" {
		t.Errorf("fanout.extraArgs (-flags +schema):\n%s", diff)
	}
	for _, wrong := range []string{"--recreate-delays=1s", "--recreate-delay", "recreate-delay=1s", "--=1", "x--recreate-delay=1s"} {
		if pattern.MatchString(wrong) {
			t.Errorf("fanout.extraArgs takes %q", wrong)
		}
	}
}

// TestTheQuotaIsForTheMostReplicas counts those that run, one of a rollout, and
// what two rollouts before have left, which may be draining still.
func TestTheQuotaIsForTheMostReplicas(t *testing.T) {
	most := int64(schema(t, "properties", "webhook", "properties", "replicas", "maximum").(float64))
	quota := one[corev1.ResourceQuota](t, render(t, "../../deploy/overlays/default"), "ResourceQuota").Spec.Hard.Pods()
	if quota.Value() < 3*most+1 {
		t.Errorf("webhook.replicas may be %d; the quota is of %s pods, want %d or more", most, quota, 3*most+1)
	}
}
