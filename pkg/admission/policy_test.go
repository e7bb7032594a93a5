package admission

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// reviewBody writes an AdmissionReview about a DataImportCron.
func reviewBody(request string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":%s}`, request)
}

const (
	dicRequest   = `"uid":"u","kind":{"group":"cdi.kubevirt.io","version":"v1beta1","kind":"DataImportCron"}`
	hcoRequest   = `"uid":"u","kind":{"group":"hco.kubevirt.io","version":"v1beta1","kind":"HyperConverged"}`
	sspRequest   = `"uid":"u","kind":{"group":"ssp.kubevirt.io","version":"v1beta2","kind":"SSP"}`
	badDIC       = `{"metadata":{"name":"x","annotations":{"ssp.kubevirt.io/dict.architectures":"arn64"}},"spec":{"managedDataSource":"x"}}`
	badSSP       = `{"metadata":{"name":"x"},"spec":{"commonTemplates":{` + badTemplates + `}}}`
	badTemplates = `"dataImportCronTemplates":[{"metadata":{"name":"x","annotations":{"ssp.kubevirt.io/dict.architectures":"arn64"}},"spec":{"managedDataSource":"x"}}]`
	dyingDIC     = `{"metadata":{"name":"x","deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"managedDataSource":"x"}}`
)

func TestWhatIsNotToBeJudged(t *testing.T) {
	for name, tc := range map[string]struct {
		path, request string
		allowed       bool
		code          int32
		text          string // in the message or a warning
	}{
		"another kind is let through":     {SSPPath, `{"uid":"u","kind":{"group":"","kind":"Pod"},"operation":"CREATE"}`, true, 200, "check the webhook configuration"},
		"an SSP at a DataImportCron's":    {DataImportCronMutatePath, `{` + sspRequest + `,"operation":"CREATE","object":` + badSSP + `}`, true, 200, "check the webhook configuration"},
		"a status write":                  {SSPPath, `{` + sspRequest + `,"operation":"UPDATE","subResource":"status"}`, true, 200, ""},
		"a deletion":                      {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"DELETE"}`, true, 200, ""},
		"an unknown operation":            {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"PATCH"}`, false, 400, `operation "PATCH" is unknown; accepted: CREATE, UPDATE`},
		"no object":                       {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"CREATE"}`, false, 400, "object: missing"},
		"null for an object":              {DataImportCronMutatePath, `{` + dicRequest + `,"operation":"CREATE","object":null}`, false, 400, "object: missing"},
		"no old object":                   {SSPPath, `{` + sspRequest + `,"operation":"UPDATE","object":{}}`, false, 400, "oldObject: missing"},
		"an object of another shape":      {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"CREATE","object":{"spec":[]}}`, true, 200, "spec: a JSON array is not of this field's type"},
		"the mutator leaves that alone":   {DataImportCronMutatePath, `{` + dicRequest + `,"operation":"CREATE","object":{"spec":[]}}`, true, 200, ""},
		"malformed as before is the same": {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"UPDATE","object":{"spec":[]},"oldObject":{"spec":[]}}`, true, 200, "not of this field's type"},
		"an error is rejected":            {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"CREATE","object":` + badDIC + `}`, false, 422, "arn64"},
		"a dry run is answered the same":  {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"CREATE","dryRun":true,"object":` + badDIC + `}`, false, 422, "arn64"},
		"v1beta2 is judged the same":      {SSPPath, `{` + sspRequest + `,"operation":"CREATE","object":` + badSSP + `}`, false, 422, "arn64"},
		"an object being deleted":         {DataImportCronValidatePath, `{` + dicRequest + `,"operation":"UPDATE","object":` + badDIC + `,"oldObject":` + dyingDIC + `}`, true, 200, ""},
		"an SSP being deleted":            {SSPPath, `{` + sspRequest + `,"operation":"UPDATE","object":` + badSSP + `,"oldObject":` + dyingDIC + `}`, true, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := post(t, handlers(&Policy{})[tc.path], reviewBody(tc.request))
			if got.Allowed != tc.allowed || got.Result.Code != tc.code || got.Patch != nil {
				t.Errorf("allowed %t, code %d, patch %s; want %t, %d, none", got.Allowed, got.Result.Code, got.Patch, tc.allowed, tc.code)
			}
			if text := got.Result.Message + strings.Join(got.Warnings, "\n"); !strings.Contains(text, tc.text) || (tc.text == "" && text != "") {
				t.Errorf("text %q; want %q in it", text, tc.text)
			}
		})
	}
}

func TestAManifestOfADyingObjectIsCompletedOnCreate(t *testing.T) {
	request := `{` + dicRequest + `,"operation":"CREATE","object":{"metadata":{"name":"x-arm64","deletionTimestamp":"2026-01-01T00:00:00Z","labels":{"template.kubevirt.io/architecture":"arm64"}},"spec":{"managedDataSource":"x"}}}`
	if got := post(t, handlers(&Policy{})[DataImportCronMutatePath], reviewBody(request)); got.Patch == nil {
		t.Errorf("%+v; want a patch: the API server drops deletionTimestamp from what is created", got)
	}
}

func TestTheSSPOperatorsOwnIsNeverPatched(t *testing.T) {
	declaring := `{"metadata":{"name":"x-arm64","labels":{"template.kubevirt.io/architecture":"arm64"%s}},"spec":{"managedDataSource":"x"}}`
	managed := fmt.Sprintf(declaring, `,"app.kubernetes.io/managed-by":"ssp-operator"`)
	plain := fmt.Sprintf(declaring, "")
	complete := `{"metadata":{"name":"x-arm64","labels":{"template.kubevirt.io/architecture":"arm64","cdi.kubevirt.io/storage.import.datasource-name":"x"%s}},"spec":{"managedDataSource":"x-arm64"}}`
	managedComplete := fmt.Sprintf(complete, `,"app.kubernetes.io/managed-by":"ssp-operator"`)
	plainComplete := fmt.Sprintf(complete, "")
	for name, tc := range map[string]struct {
		users   []string
		request string
		patched bool
	}{
		"on CREATE by its label":                       {nil, `"operation":"CREATE","object":` + managed, false},
		"on CREATE without it":                         {nil, `"operation":"CREATE","object":` + plain, true},
		"on CREATE with the label and a known user":    {[]string{"ssp"}, `"operation":"CREATE","userInfo":{"username":"ssp"},"object":` + managed, false},
		"on CREATE with the label and another user":    {[]string{"ssp"}, `"operation":"CREATE","userInfo":{"username":"eve"},"object":` + managed, true},
		"on UPDATE the old object's label decides":     {nil, `"operation":"UPDATE","object":` + plain + `,"oldObject":` + managedComplete, false},
		"on UPDATE a label that appears does not help": {nil, `"operation":"UPDATE","object":` + managed + `,"oldObject":` + plainComplete, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := post(t, handlers(&Policy{SSPOperatorUsers: tc.users})[DataImportCronMutatePath], reviewBody("{"+dicRequest+","+tc.request+"}"))
			if !got.Allowed || (got.Patch != nil) != tc.patched {
				t.Errorf("allowed %t, patch %s; want it allowed, a patch: %t", got.Allowed, got.Patch, tc.patched)
			}
		})
	}
}

func TestMetricsCountDecisionsAndFindings(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry); err == nil {
		t.Error("registered twice without an error")
	}
	policy := &Policy{Metrics: metrics}
	bad := reviewBody(`{` + sspRequest + `,"operation":"CREATE","object":` + badSSP + `}`)
	for range 2 {
		post(t, handlers(policy)[SSPPath], bad)
	}
	post(t, handlers(policy)[DataImportCronMutatePath], reviewBody(`{`+dicRequest+`,"operation":"CREATE","object":{"metadata":{"labels":{"template.kubevirt.io/architecture":"arm64"}},"spec":{"managedDataSource":"x"}}}`))
	want := `
# HELP dicer_admission_decisions_total Admission requests by webhook path, operation and decision (allow, patch, deny, warn, audit).
# TYPE dicer_admission_decisions_total counter
dicer_admission_decisions_total{decision="deny",operation="CREATE",webhook="/validate/ssp"} 2
dicer_admission_decisions_total{decision="patch",operation="CREATE",webhook="/mutate/dataimportcron"} 1
`
	// All that may be counted are there from the start.
	for path := range handlers(policy) {
		decisions := []string{"allow", "deny", "warn", "audit"}
		if strings.HasPrefix(path, "/mutate/") {
			decisions = []string{"allow", "patch"}
		}
		for _, operation := range []string{"CREATE", "UPDATE"} {
			for _, what := range decisions {
				series := fmt.Sprintf("dicer_admission_decisions_total{decision=%q,operation=%q,webhook=%q} ", what, operation, path)
				if !strings.Contains(want, series) {
					want += series + "0\n"
				}
			}
		}
	}
	want += `
# HELP dicer_admission_findings_total Findings by webhook path, rule and severity (error, warning).
# TYPE dicer_admission_findings_total counter
dicer_admission_findings_total{rule="datasource-renamed",severity="warning",webhook="/mutate/dataimportcron"} 1
dicer_admission_findings_total{rule="no-registry",severity="warning",webhook="/validate/ssp"} 2
dicer_admission_findings_total{rule="unknown-architecture",severity="error",webhook="/validate/ssp"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestLongAnswersAreBounded(t *testing.T) {
	var findings arch.Findings
	for i := range 3 * maxCauses {
		findings = append(findings, arch.Finding{Rule: arch.RuleUnknownArchitecture, Severity: arch.Error, Value: strings.Repeat("x", 1<<10), Text: fmt.Sprint(i)})
	}
	v := (&Policy{}).judge(sspKind, "ssp", findings)
	causes := v.response.Result.Details.Causes
	if got := len(causes); got != maxCauses+1 {
		t.Errorf("%d causes; want %d and one that counts the rest", got, maxCauses)
	}
	if got, want := causes[len(causes)-1].Message, "and 2000 more"; got != want {
		t.Errorf("last cause %q; want %q", got, want)
	}
	shown := warnings(findings)
	if len(shown) != maxWarnings || shown[maxWarnings-1] != fmt.Sprintf("and %d more", len(findings)-maxWarnings+1) {
		t.Errorf("%d warnings, the last %q", len(shown), shown[len(shown)-1])
	}
	if got := writeFindings(findings); !strings.HasSuffix(got, `"and 2950 more"}]`) {
		t.Errorf("audit annotation ends in %q", got[len(got)-30:])
	}
}
