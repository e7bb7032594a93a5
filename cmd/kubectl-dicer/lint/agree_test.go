package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	patch "github.com/evanphx/json-patch/v5"
	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/rulebook"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// said is what the webhooks' audit annotation has of a finding.
type said struct {
	Rule     arch.Rule     `json:"rule"`
	Severity arch.Severity `json:"severity"`
	Field    string        `json:"field"`
	Message  string        `json:"message"`
}

// generated is how many objects the two are compared on.
const generated = 900

// TestThePluginSaysWhatTheWebhookSays puts generated objects into files, in YAML and
// JSON, and sends them to the webhooks' handlers: each finding is the same, but that the
// plugin tells all fields of a wrong type.
func TestThePluginSaysWhatTheWebhookSays(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	found := map[arch.Rule]int{}
	clean := 0
	for i := range generated {
		object := generate(random)
		policy := &admission.Policy{}
		report := linted(t, policy, object, i)
		answers := review(t, policy, object)
		var plugin []said
		for _, f := range report.Findings {
			plugin = append(plugin, said{f.Rule, f.Severity, f.Field, f.Message})
			found[f.Rule]++
		}
		same := asTheWebhook(answers.findings, plugin)
		if diff := cmp.Diff(answers.findings, same); diff != "" {
			t.Fatalf("the webhook and the plugin differ (-webhook +plugin):\n%s\non %s", diff, object)
		}
		if answers.allowed != (report.Errors == 0) {
			t.Errorf("the webhook allows: %v, the plugin has %d errors on %s", answers.allowed, report.Errors, object)
		}
		if warnings := review(t, &admission.Policy{Action: admissionregistrationv1.Warn}, object).warnings; !sameTexts(warnings, same) {
			t.Errorf("with Warn the webhook says %q, the plugin %v, on %s", warnings, same, object)
		}
		if len(plugin) == 0 {
			clean++
		}
	}
	for _, e := range rulebook.All() {
		if found[e.Rule] == 0 && e.Rule != arch.RuleNoSource { // no webhook has it
			t.Errorf("no generated object breaks the rule %s", e.Rule)
		}
	}
	if clean < generated/20 {
		t.Errorf("%d of %d objects have no finding; want more", clean, generated)
	}
	t.Logf("%d objects, %d without a finding; findings by rule: %v", generated, clean, found)
}

// asTheWebhook has the plugin's findings with one field of a wrong type: that which the
// webhook tells, and as it does, without an index. Where the webhook tells none all stay.
func asTheWebhook(webhook, plugin []said) []said {
	isMalformed := func(s said) bool { return s.Rule == arch.RuleMalformed }
	first := slices.IndexFunc(webhook, isMalformed)
	if first < 0 {
		return plugin
	}
	var out []said
	if slices.ContainsFunc(plugin, func(s said) bool {
		s.Field = index.ReplaceAllString(s.Field, "")
		return s == webhook[first]
	}) {
		out = append(out, webhook[first])
	}
	return append(out, slices.DeleteFunc(slices.Clone(plugin), isMalformed)...)
}

var index = regexp.MustCompile(`\[\d+\]`)

// linted has the plugin read the object from a file that has others in it.
func linted(t *testing.T, policy *admission.Policy, object []byte, i int) *Report {
	t.Helper()
	content := object
	if i%2 == 0 {
		text, err := yaml.JSONToYAML(object)
		if err != nil {
			t.Fatal(err)
		}
		content = fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\n---\n%s---\n# nothing\n", text)
	}
	objects, err := manifest.Read("generated", content)
	if err != nil {
		t.Fatalf("%v in %s", err, content)
	}
	var report Report
	if err := report.Judge(policy, objects); err != nil {
		t.Fatal(err)
	}
	if report.Objects != 1 {
		t.Fatalf("%d objects in %s", report.Objects, content)
	}
	return &report
}

// answers are the webhooks' together.
type answers struct {
	allowed  bool
	findings []said
	warnings []string
}

// review sends an object's creation through the webhooks of its kind, as the API
// server does.
func review(t *testing.T, policy *admission.Policy, object []byte) answers {
	t.Helper()
	var head metav1.TypeMeta
	if err := json.Unmarshal(object, &head); err != nil {
		t.Fatal(err)
	}
	paths := map[string][]string{
		"SSP":            {admission.SSPPath},
		"HyperConverged": {admission.HyperConvergedPath},
		"DataImportCron": {admission.DataImportCronMutatePath, admission.DataImportCronValidatePath},
	}[head.Kind]
	out := answers{allowed: true}
	for _, path := range paths {
		response := post(t, policy.Handlers(logr.Discard())[path], head, object)
		if text := response.AuditAnnotations["findings"]; text != "" {
			var findings []said
			if err := json.Unmarshal([]byte(text), &findings); err != nil {
				t.Fatal(err)
			}
			out.findings = append(out.findings, findings...)
		}
		out.allowed = out.allowed && response.Allowed
		out.warnings = append(out.warnings, response.Warnings...)
		if len(response.Patch) > 0 {
			object = patched(t, object, response.Patch)
		}
	}
	return out
}

func post(t *testing.T, handler http.Handler, head metav1.TypeMeta, object []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	gvk := head.GroupVersionKind()
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Kind: metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
			Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: object},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &review); err != nil || review.Response == nil {
		t.Fatalf("answer %q: %v", recorder.Body, err)
	}
	return review.Response
}

func patched(t *testing.T, object, operations []byte) []byte {
	t.Helper()
	decoded, err := patch.DecodePatch(operations)
	if err != nil {
		t.Fatal(err)
	}
	object, err = decoded.Apply(object)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// sameTexts tells whether the warnings are all messages, in any order: the webhook
// shows errors first. It shows 15 at the most.
func sameTexts(warnings []string, findings []said) bool {
	var messages []string
	for _, f := range findings {
		messages = append(messages, f.Message)
	}
	if len(messages) > 15 {
		return len(warnings) == 15
	}
	slices.Sort(messages)
	return slices.Equal(slices.Sorted(slices.Values(warnings)), messages)
}

// generate makes an object of one of the kinds, in JSON, that may have any of the
// mistakes that there are rules for.
func generate(r *rand.Rand) []byte {
	var object map[string]any
	switch r.IntN(4) {
	case 0:
		object = map[string]any{"apiVersion": "ssp.kubevirt.io/" + one(r, "v1beta2", "v1beta3"), "kind": "SSP",
			"spec": map[string]any{
				"cluster":         map[string]any{"workloadArchitectures": one(r, nil, []string{"amd64"}, []string{"amd64", "arm64", "s390x"})},
				"commonTemplates": map[string]any{"dataImportCronTemplates": templates(r)},
			}}
	case 1:
		object = map[string]any{"apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
			"spec": map[string]any{"dataImportCronTemplates": templates(r)}}
	case 2:
		object = map[string]any{"apiVersion": "hco.kubevirt.io/v1", "kind": "HyperConverged",
			"spec": map[string]any{"workloadSources": map[string]any{"dataImportCronTemplates": templates(r)}}}
	default:
		object = dataImportCron(r)
		object["apiVersion"], object["kind"] = "cdi.kubevirt.io/v1beta1", "DataImportCron"
	}
	if object["metadata"] == nil {
		object["metadata"] = map[string]any{"name": "generated"}
	}
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err) // it is of maps, slices and texts
	}
	return raw
}

func one[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

func templates(r *rand.Rand) []any {
	var all []any
	for range r.IntN(5) {
		all = append(all, template(r))
	}
	return all
}

func template(r *rand.Rand) map[string]any {
	metadata := map[string]any{"name": one(r, "rhel10", "fedora", "rhel10-amd64", "é", strings.Repeat("x", 40), strings.Repeat("x", 60))}
	if r.IntN(6) == 0 {
		metadata["namespace"] = "elsewhere"
	}
	annotations := map[string]any{}
	if r.IntN(4) > 0 {
		annotations[arch.ListAnnotation] = list(r)
	}
	if r.IntN(10) == 0 {
		annotations[arch.EnableAnnotation] = one(r, "false", "true")
	}
	metadata["annotations"] = annotations
	if r.IntN(4) == 0 {
		metadata["labels"] = map[string]any{one(r, arch.ArchitectureLabel, arch.BaseLabel): one(r, "amd64", "rhel10", "arm64")}
	}
	return map[string]any{"metadata": metadata, "spec": spec(r)}
}

func list(r *rand.Rand) string {
	var items []string
	for range 1 + r.IntN(3) {
		items = append(items, one(r, "amd64", "amd64", "arm64", "arm64", "s390x", " arm64", "arn64", "x86_64", "ppc64le", "", "no such thing", "ä"))
	}
	return strings.Join(items, ",")
}

func spec(r *rand.Rand) map[string]any {
	registry := map[string]any{"url": "docker://quay.io/example/x"}
	if r.IntN(4) == 0 {
		registry["platform"] = map[string]any{"architecture": one(r, "amd64", "s390x")}
	}
	source := one(r, map[string]any{"registry": registry}, map[string]any{"registry": registry}, map[string]any{"http": map[string]any{"url": "https://x"}})
	var dataSource any = one(r, "rhel10", "fedora", "other", "rhel10-amd64", "x-", strings.Repeat("y", 60), "")
	if r.IntN(20) == 0 {
		dataSource = []string{"rhel10"}
	}
	var schedule any = "0 0 * * 2"
	if r.IntN(20) == 0 {
		schedule = 5
	}
	return map[string]any{"managedDataSource": dataSource, "schedule": schedule,
		"template": map[string]any{"spec": map[string]any{"source": source}}}
}

func dataImportCron(r *rand.Rand) map[string]any {
	labels, annotations := map[string]any{}, map[string]any{}
	if r.IntN(4) > 0 {
		labels[arch.ArchitectureLabel] = one(r, "amd64", "arm64", "arm64", "arn64")
	}
	if r.IntN(4) == 0 {
		labels[arch.BaseLabel] = one(r, "rhel10", "fedora")
	}
	if r.IntN(6) == 0 {
		labels[arch.ManagedByLabel] = one(r, arch.ManagedBySSP, "dicer")
	}
	if r.IntN(3) == 0 {
		annotations[arch.ListAnnotation] = one(r, list(r), "amd64,arm64", "amd64")
	}
	name := one(r, "rhel10", "rhel10-arm64", "rhel10-amd64", strings.Repeat("x", 64))
	return map[string]any{"metadata": map[string]any{"name": name, "labels": labels, "annotations": annotations}, "spec": one(r, spec(r), plain)}
}

// plain is a DataImportCron's spec that nothing is wrong with.
var plain = map[string]any{"managedDataSource": "rhel10", "schedule": "0 0 * * 2",
	"template": map[string]any{"spec": map[string]any{"source": map[string]any{"registry": map[string]any{"url": "docker://quay.io/example/x"}}}}}
