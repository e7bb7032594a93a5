package e2e

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// refusal is a policy of the cluster that refuses a schedule.
func (p *place) refusal(minute int) {
	p.t.Helper()
	policy := parse(fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: refuse-%[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [cdi.kubevirt.io], apiVersions: ["*"], operations: [CREATE], resources: [dataimportcrons]}]
  validations: [{expression: "!object.spec.schedule.startsWith('%[2]d ')", message: not at that minute}]`, p.golden, minute))
	binding := parse(fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: refuse-%[1]s}
spec: {policyName: refuse-%[1]s, validationActions: [Deny]}`, p.golden))
	if err := env.Apply(p.t.Context(), []*unstructured.Unstructured{policy, binding}); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { remove(binding); remove(policy) })
	probe := complete("probe-amd64", "probe", "amd64")
	probe.SetNamespace(p.golden)
	set(probe, fmt.Sprintf("%d 8/12 * * *", minute), "spec", "schedule")
	p.eventually(func() error {
		if err := env.Client.Create(p.t.Context(), probe.DeepCopy(), client.DryRunAll); err == nil {
			return fmt.Errorf("the policy is not in force")
		}
		return nil
	})
}

func TestFanoutKeepsTheOldOneWhereTheNewOneWouldBeRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""), scheduled("b", "amd64", 1, ""))
	before := p.stand("a-amd64", "a-arm64", "b-amd64")
	p.refusal(2)
	p.ssp("ssp", scheduled("a", "amd64,arm64", 2, ""), scheduled("b", "amd64", 3, ""))
	e := p.told(p.ssps, "WriteRejected", "a-amd64", "a-arm64", "the old one stays", "not at that minute")
	if e.Type != "Warning" {
		t.Errorf("the event is %s", e.Type)
	}
	now := p.replaced(before, "b-amd64")
	p.shows(f, "dicer_fanout_failed", map[string]string{"reason": "WriteRejected"}, 2)
	if got := p.deletes(); got != 1 {
		t.Errorf("%d deletes; want b-amd64's", got)
	}
	p.ssp("ssp", scheduled("a", "amd64,arm64", 4, ""), scheduled("b", "amd64", 3, ""))
	p.replaced(now, "a-amd64", "a-arm64")
}

func TestFanoutReplacesNothingOfATemplateWhoseListIsWrong(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", scheduled("a", "amd64,arm64", 1, ""), scheduled("b", "amd64", 1, ""))
	before := p.stand("a-amd64", "a-arm64", "b-amd64")
	ssp := p.ssp("ssp", scheduled("a", "amd64,arn64", 2, ""), scheduled("b", "amd64", 2, ""))
	if e := p.told(p.ssps, "InvalidList", "arn64", `did you mean "arm64"?`); e.Type != "Warning" {
		t.Errorf("the event is %s", e.Type)
	}
	p.told(p.ssps, "Kept", "a-amd64", "is not replaced: its list is wrong")
	p.replaced(before, "b-amd64")
	p.reconciled(f, ssp)
	if got := p.deletes(); got != 1 {
		t.Errorf("%d deletes; want b-amd64's", got)
	}
	now := p.crons(p.golden)
	p.ssp("ssp", scheduled("a", "amd64,arm64", 2, ""), scheduled("b", "amd64", 2, ""))
	p.replaced(now, "a-amd64", "a-arm64")
}
