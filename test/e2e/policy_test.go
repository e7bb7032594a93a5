package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/cluster"
)

// decisionOf returns what the audit log says of the last write of an object.
func decisionOf(t *testing.T, name, webhook string) map[string]string {
	t.Helper()
	var last *event
	for _, e := range auditEvents(t, name) {
		if e.ObjectRef.Name == name {
			last = &e
		}
	}
	if last == nil {
		t.Fatalf("no audit event of %s", name)
	}
	got := map[string]string{}
	for key, value := range last.Annotations {
		if key, ok := strings.CutPrefix(key, webhook+"/"); ok {
			got[key] = value
		}
	}
	return got
}

func TestThePolicyDecidesWhatBecomesOfFindings(t *testing.T) {
	bad := func(name string) *unstructured.Unstructured {
		return ssp(name, template("rhel10", "arn64", "rhel10", ""))
	}
	contradictory := func(name string) *unstructured.Unstructured {
		return dic(name+"-arm64", annotations(listKey, "arm64"), name, registryOf("amd64"))
	}
	const sspFinding = `template "rhel10": dict.architectures: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`
	for _, tc := range []struct {
		action, decision string
		ssp, dic         outcome
	}{
		{"Deny", "deny",
			outcome{errors: []string{listAt(0) + `: Unsupported value: "arn64": template "rhel10": not one of amd64, arm64, s390x; did you mean "arm64"?`}},
			outcome{errors: []string{`spec.template.spec.source.registry.platform.architecture: Invalid value: "amd64": DataImportCron "deny-arm64": contradicts the declared architecture "arm64"`}}},
		{"Warn", "warn",
			outcome{warnings: []string{sspFinding}},
			outcome{warnings: []string{`DataImportCron "warn-arm64": platform.architecture: "amd64": contradicts the declared architecture "arm64"`}}},
		{"Audit", "audit", outcome{}, outcome{}},
	} {
		t.Run(tc.action, func(t *testing.T) {
			withWebhook(t, func(o *cluster.WebhookOptions) { o.Args = []string{"--validation-action=" + tc.action} })
			name := strings.ToLower(tc.action)
			if diff := cmp.Diff(tc.ssp, create(t, bad(name)), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("the SSP (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.dic, create(t, contradictory(name)), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("the DataImportCron (-want +got):\n%s", diff)
			}
			got := decisionOf(t, name, "validate.ssp.dicer.dev")
			var findings []map[string]string
			if err := json.Unmarshal([]byte(got["findings"]), &findings); err != nil {
				t.Fatalf("%v in %v", err, got)
			}
			want := []map[string]string{{"rule": "unknown-architecture", "severity": "error", "field": listAt(0), "message": sspFinding}}
			if diff := cmp.Diff(want, findings); diff != "" || got["decision"] != tc.decision {
				t.Errorf("decision %q; audited findings (-want +got):\n%s", got["decision"], diff)
			}
			got = decisionOf(t, name+"-arm64", "validate.dataimportcron.dicer.dev")
			if got["decision"] != tc.decision || got["architecture"] != "arm64" {
				t.Errorf("audited %v; want decision %s, architecture arm64", got, tc.decision)
			}
			if got := decisionOf(t, name+"-arm64", "mutate.dataimportcron.dicer.dev"); got["decision"] != "allow" {
				t.Errorf("a contradictory one was mutated: %v", got)
			}
			// Mutation does not depend on the policy.
			hand := dic(name+"-s390x", labels(archKey, "s390x"), name, registry)
			if got := create(t, hand); len(got.errors) > 0 || hand.GetLabels()[baseKey] != name {
				t.Errorf("not completed: %+v, %v", got, hand.GetLabels())
			}
			if got := decisionOf(t, name+"-s390x", "mutate.dataimportcron.dicer.dev"); got["decision"] != "patch" || got["architecture"] != "s390x" {
				t.Errorf("audited %v; want decision patch, architecture s390x", got)
			}
		})
	}
}

func TestOtherArchitecturesCanBeAccepted(t *testing.T) {
	withWebhook(t, func(o *cluster.WebhookOptions) { o.Args = []string{"--architectures=amd64,ppc64le"} })
	if got := create(t, ssp("power", template("rhel10", "amd64,ppc64le", "rhel10", ""))); len(got.errors) > 0 {
		t.Errorf("ppc64le: %+v", got)
	}
	want := outcome{errors: []string{listAt(0) + `: Unsupported value: "arm64": template "rhel10": not one of amd64, ppc64le`}}
	if diff := cmp.Diff(want, create(t, ssp("power-2", template("rhel10", "arm64", "rhel10", ""))), cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhileNoReplicaRuns stops the webhook: what needs it waits, all else
// passes.
func TestWhileNoReplicaRuns(t *testing.T) {
	made := complete("down-arm64", "down", "arm64")
	create(t, made)
	last := withWebhook(t, func(*cluster.WebhookOptions) {})
	if err := last.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused := func(name string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "failed calling webhook") || !strings.Contains(err.Error(), "dicer.dev") {
			t.Errorf("%s: %v; want it refused, naming the webhook", name, err)
		}
	}
	ctx := context.Background()
	refused("a DataImportCron that is to be completed", env.client.Create(ctx, dic("down-amd64", labels(archKey, "amd64"), "down", registry)))
	refused("an SSP with templates", env.client.Create(ctx, ssp("down", template("rhel10", "amd64", "rhel10", ""))))

	typedStatus(t, made.GetName())
	typedFinalizer(t, invalidSSP(6).GetName())
	for name, got := range map[string]outcome{
		"an SSP that HCO manages": create(t, set(ssp("down-hco", template("rhel10", "amd64", "rhel10", "")), "hco-operator", "metadata", "labels", "app.kubernetes.io/managed-by")),
		"CDI's status write":      update(t, set(stored(t, made), "pvc", "status", "sourceFormat")),
		"a label":                 merge(t, made, `{"metadata":{"labels":{"mine":"1"}}}`),
		"a finalizer":             merge(t, made, `{"metadata":{"finalizers":["dicer.dev/test"]}}`),
		"its removal":             merge(t, made, `{"metadata":{"finalizers":null}}`),
		"a complete one":          create(t, complete("down-s390x", "down", "s390x")),
		"an undeclared one":       create(t, dic("down", "", "down", registry)),
		"the status of an invalid one from before": update(t, set(stored(t, invalidDIC(1)), "pvc", "status", "sourceFormat")),
		"a label of an invalid SSP from before":    merge(t, invalidSSP(8), `{"metadata":{"labels":{"mine":"1"}}}`),
		"the status of an invalid SSP from before": updateStatus(t, set(stored(t, invalidSSP(7)), "Deployed", "status", "phase")),
		"the deletion of an invalid one":           see(t, env.client.Delete(ctx, invalidDIC(1))),
		"the deletion of an invalid SSP":           see(t, env.client.Delete(ctx, invalidSSP(8))),
	} {
		if len(got.errors) > 0 || len(got.warnings) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
