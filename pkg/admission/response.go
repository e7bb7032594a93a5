package admission

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// decision is what became of a request, as audit annotation and metric say it.
type decision string

const (
	decisionAllow decision = "allow" // nothing stood in its way
	decisionPatch decision = "patch" // completed by a patch
	decisionDeny  decision = "deny"  // rejected
	decisionWarn  decision = "warn"  // would be rejected, but for --validation-action=Warn
	decisionAudit decision = "audit" // would be rejected, but for --validation-action=Audit
)

// The keys of the audit annotations; the API server puts the webhook's name
// before them.
const (
	auditDecision     = "decision"
	auditArchitecture = "architecture"
	auditFindingsKey  = "findings"
)

const (
	// maxWarnings keeps the warnings of a response under the 4,096 characters
	// over which the API server drops some: it shortens each to 256 then.
	maxWarnings = 15
	// maxCauses bounds a rejection; nobody reads more.
	maxCauses = 1000
)

// judge turns findings into the response of a validating webhook.
func (p *Policy) judge(kind schema.GroupKind, name string, findings arch.Findings) (admission.Response, decision) {
	errs := findings.Errors()
	response, what := admission.Allowed(""), decisionAllow
	if len(errs) > 0 {
		switch p.Action {
		case admissionregistrationv1.Warn:
			what = decisionWarn
		case admissionregistrationv1.Audit:
			what = decisionAudit
		default:
			response, what = denied(kind, name, errs), decisionDeny
		}
	}
	if p.Action != admissionregistrationv1.Audit {
		response = response.WithWarnings(warnings(findings, what == decisionWarn)...)
	}
	return response, what
}

// denied is a 422 with one cause per error.
func denied(kind schema.GroupKind, name string, errs field.ErrorList) admission.Response {
	more := len(errs) - maxCauses
	if more > 0 {
		errs = errs[:maxCauses]
	}
	status := apierrors.NewInvalid(kind, name, errs).Status()
	if more > 0 {
		status.Details.Causes = append(status.Details.Causes, metav1.StatusCause{Message: fmt.Sprintf("and %d more", more)})
	}
	response := admission.Denied("")
	response.Result = &status
	return response
}

// warnings gives the findings that warn, before them the errors where they
// are to be shown as warnings too.
func warnings(findings arch.Findings, withErrors bool) []string {
	var out []string
	for _, severity := range []arch.Severity{arch.Error, arch.Warning} {
		for _, f := range findings {
			if f.Severity == severity && (severity == arch.Warning || withErrors) {
				out = append(out, f.Message())
			}
		}
	}
	if len(out) > maxWarnings {
		more := len(out) - (maxWarnings - 1)
		out = append(out[:maxWarnings-1], fmt.Sprintf("and %d more", more))
	}
	return out
}

// record notes what was decided in audit annotations and metrics.
func (p *Policy) record(webhook string, req admission.Request, response admission.Response, what decision, a arch.Arch, findings arch.Findings) admission.Response {
	response.AuditAnnotations = map[string]string{auditDecision: string(what)}
	if a != "" {
		response.AuditAnnotations[auditArchitecture] = string(a)
	}
	if len(findings) > 0 {
		response.AuditAnnotations[auditFindingsKey] = auditFindings(findings)
	}
	p.Metrics.observe(webhook, string(req.Operation), what, findings)
	return response
}
