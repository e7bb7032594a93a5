package deploy

import (
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// TestThePoliciesAreInstalledAlone applies the component by itself, as its README
// says, and beside the webhook.
func TestThePoliciesAreInstalledAlone(t *testing.T) {
	const folder = "../../deploy/components/policies"
	o := render(t, folder)
	if policies := all[admissionregistrationv1.ValidatingAdmissionPolicy](t, o, "ValidatingAdmissionPolicy"); len(o.objects) != 4 || len(policies) != 2 {
		t.Errorf("%d objects, %d policies; want two and their bindings", len(o.objects), len(policies))
	}
	install(t, o)
	for name, binding := range all[admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, o, "ValidatingAdmissionPolicyBinding") {
		if "/"+binding.Spec.PolicyName != name {
			t.Errorf("%s binds %s", name, binding.Spec.PolicyName)
		}
	}
}

// TestTheSettingsReachThePolicies: both of them, where they read them.
func TestTheSettingsReachThePolicies(t *testing.T) {
	const last = "- ../../components/settings\n"
	o := own(t, strings.Replace(ownKustomization, last, "- ../../components/policies\n"+last, 1))
	install(t, o)
	settings := settings(t, o, deployments(t, o)[webhookName])
	variables := map[string]string{}
	for name, policy := range all[admissionregistrationv1.ValidatingAdmissionPolicy](t, o, "ValidatingAdmissionPolicy") {
		for _, variable := range policy.Spec.Variables {
			variables[name+" "+variable.Name] = variable.Expression
		}
	}
	accepted := `"` + settings["architectures"] + `".split(',')`
	for variable, want := range map[string]string{
		"/dicer-ssps accepted": accepted, "/dicer-dataimportcrons accepted": accepted,
		"/dicer-ssps golden": `"` + settings["golden-images-namespace"] + `"`,
	} {
		if got := variables[variable]; got != want {
			t.Errorf("%s: %s; want %s", variable, got, want)
		}
	}
}
