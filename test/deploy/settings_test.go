package deploy

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

const architectures = "DICER_ARCHITECTURES"

// flagLine is a flag in a command's help, with its default where it tells one.
var flagLine = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+) .*?(?:\(default "?([^")]*)"?\))?$`)

// flags returns each flag of a container's command with its default.
func flags(t *testing.T, c corev1.Container) map[string]string {
	t.Helper()
	binary := map[string]string{"/webhook": env.webhook, "/fanout": env.fanout}[strings.Join(c.Command, " ")]
	if binary == "" {
		t.Fatalf("%s runs %q, which is not in the image", c.Name, c.Command)
	}
	help, err := exec.CommandContext(t.Context(), binary, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, match := range flagLine.FindAllStringSubmatch(string(help), -1) {
		found[match[1]] = match[2]
	}
	return found
}

// environment returns a container's variables, those of ConfigMaps included.
func environment(t *testing.T, o *overlay, c corev1.Container) map[string]string {
	t.Helper()
	configMaps := all[corev1.ConfigMap](t, o, "ConfigMap")
	data := func(name string) map[string]string {
		m := configMaps[namespace+"/"+name]
		if m == nil {
			t.Fatalf("%s reads ConfigMap %s, which is not there", c.Name, name)
		}
		return m.Data
	}
	found := map[string]string{}
	for _, from := range c.EnvFrom {
		for name, value := range data(from.ConfigMapRef.Name) {
			found[name] = value
		}
	}
	for _, variable := range c.Env {
		found[variable.Name] = variable.Value
		if from := variable.ValueFrom; from != nil {
			value, ok := data(from.ConfigMapKeyRef.Name)[from.ConfigMapKeyRef.Key]
			if !ok {
				t.Errorf("%s reads %s, which is not there", c.Name, from.ConfigMapKeyRef.Key)
			}
			found[variable.Name] = value
		}
	}
	return found
}

// settings returns the value of each flag of a Deployment's command, as its
// arguments, its environment or the default have it. Any other argument or
// variable fails the test.
func settings(t *testing.T, o *overlay, d *appsv1.Deployment) map[string]string {
	t.Helper()
	if len(d.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s has %d containers", d.Name, len(d.Spec.Template.Spec.Containers))
	}
	c := d.Spec.Template.Spec.Containers[0]
	found := flags(t, c)
	set := func(flag, value, by string) {
		if _, ok := found[flag]; !ok {
			t.Errorf("%s: %s is no flag of %s", d.Name, by, c.Command)
		}
		found[flag] = value
	}
	for name, value := range environment(t, o, c) {
		flag, ok := strings.CutPrefix(name, "DICER_")
		if !ok {
			t.Errorf("%s: what is %s for?", d.Name, name)
		}
		set(strings.ReplaceAll(strings.ToLower(flag), "_", "-"), value, name)
	}
	for _, arg := range c.Args {
		flag, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		set(flag, value, arg)
	}
	return found
}

func portOf(t *testing.T, address string) int32 {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(number)
}

func durationOf(t *testing.T, value string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(value)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheArchitecturesAndTheGoldenNamespaceAreOneValue(t *testing.T) {
	forEach(t, func(t *testing.T, o *overlay) {
		want := map[string]string{"architectures": "amd64,arm64,s390x", "golden-images-namespace": "kubevirt-os-images"}
		switch {
		case o.ofOpenShift():
			want["golden-images-namespace"] = "openshift-virtualization-os-images"
		case o.name == withoutOperator:
			want = map[string]string{"architectures": "amd64,ppc64le", "golden-images-namespace": "golden"}
		}
		for name, d := range deployments(t, o) {
			settings := settings(t, o, d)
			for flag, value := range want {
				if settings[flag] != value {
					t.Errorf("%s: --%s is %q; want %q", name, flag, settings[flag], value)
				}
			}
		}
		conditions := map[string][]admissionregistrationv1.MatchCondition{}
		for _, w := range one[admissionregistrationv1.MutatingWebhookConfiguration](t, o, "MutatingWebhookConfiguration").Webhooks {
			conditions[w.Name] = w.MatchConditions
		}
		for _, w := range one[admissionregistrationv1.ValidatingWebhookConfiguration](t, o, "ValidatingWebhookConfiguration").Webhooks {
			conditions[w.Name] = w.MatchConditions
		}
		for _, name := range []string{"mutate.dataimportcron.dicer.dev", "validate.dataimportcron.dicer.dev"} {
			if !strings.Contains(conditions[name][0].Expression, `"`+want["architectures"]+`".split(',')`) {
				t.Errorf("not %s in the conditions of %s", want["architectures"], name)
			}
		}
		if !o.hasFanout() {
			return
		}
		writes := want["golden-images-namespace"] + "/dicer-fanout"
		if all[rbacv1.Role](t, o, "Role")[writes] == nil || all[rbacv1.RoleBinding](t, o, "RoleBinding")[writes] == nil {
			t.Errorf("no Role or RoleBinding %s", writes)
		}
	})
}

func TestAChangeOfASettingRollsThePods(t *testing.T) {
	name := func(kustomization string) string {
		d := deployments(t, own(t, kustomization))[webhookName]
		return d.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name
	}
	before := name(ownKustomization)
	if after := name(strings.Replace(ownKustomization, "ppc64le", "arm64", 1)); before == after || before == "dicer-webhook" {
		t.Errorf("ConfigMap %s before and %s after", before, after)
	}
}

func TestTheSSPDefinitionIsThatOfTheTests(t *testing.T) {
	var contents []string
	for _, folder := range []string{"../crds", "../../deploy/components/ssp-crd"} {
		content, err := os.ReadFile(filepath.Join(folder, "ssp.kubevirt.io_ssps.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, string(content))
	}
	if contents[0] != contents[1] {
		t.Error("they differ: run make generate")
	}
}
