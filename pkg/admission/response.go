package admission

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/dicer-dev/dicer/pkg/arch"
)

const (
	// maxWarnings of 256 characters are what the API server shows at the most:
	// over 4,096 together it shortens each to 256, and drops what still is over.
	maxWarnings = 15
	// maxCauses bounds a rejection; nobody reads more.
	maxCauses = 1000
)

// judge turns findings into the response of a validating webhook.
func (p *Policy) judge(kind schema.GroupKind, name string, findings arch.Findings) (admission.Response, decision) {
	errs, shown := findings.Of(arch.Error), findings.Of(arch.Warning)
	response, what := admission.Allowed(""), decisionAllow
	switch {
	case len(errs) == 0:
	case p.Action == admissionregistrationv1.Warn:
		what, shown = decisionWarn, append(errs, shown...)
	case p.Action == admissionregistrationv1.Audit:
		what = decisionAudit
	default:
		response, what = denied(kind, name, errs), decisionDeny
	}
	if p.Action != admissionregistrationv1.Audit {
		response = response.WithWarnings(warnings(shown)...)
	}
	return response, what
}

// denied is a 422 with one cause per error.
func denied(kind schema.GroupKind, name string, errs arch.Findings) admission.Response {
	shown := errs[:min(len(errs), maxCauses)]
	status := apierrors.NewInvalid(kind, name, shown.Errors()).Status()
	if more := len(errs) - len(shown); more > 0 {
		status.Details.Causes = append(status.Details.Causes, metav1.StatusCause{Message: fmt.Sprintf("and %d more", more)})
	}
	response := admission.Denied("")
	response.Result = &status
	return response
}

// warnings writes findings as the API server sends them on.
func warnings(findings arch.Findings) []string {
	shown := findings
	if len(findings) > maxWarnings {
		shown = findings[:maxWarnings-1]
	}
	var out []string
	for _, f := range shown {
		out = append(out, f.Message())
	}
	if more := len(findings) - len(shown); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return out
}
