package admission

import (
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dicer-dev/dicer/pkg/arch"
)

const (
	// maxWarnings of 256 characters are what the API server shows at the most:
	// over 4,096 together it shortens each to 256, and drops what still is over.
	maxWarnings = 15
	// maxCauses bounds a rejection; nobody reads more.
	maxCauses = 1000
)

// allowed lets a request through. The status is what controller-runtime's handlers
// answer with.
func allowed() admissionv1.AdmissionResponse {
	return admissionv1.AdmissionResponse{Allowed: true, Result: &metav1.Status{Code: http.StatusOK}}
}

// badRequest refuses a request that makes no sense.
func badRequest(message string) admissionv1.AdmissionResponse {
	return admissionv1.AdmissionResponse{Result: &metav1.Status{Code: http.StatusBadRequest, Message: "dicer: " + message}}
}

// judge turns findings into the verdict of a validating webhook.
func (p *Policy) judge(kind schema.GroupKind, name string, findings arch.Findings) verdict {
	errs, shown := findings.Of(arch.Error), findings.Of(arch.Warning)
	v := verdict{response: allowed(), decision: decisionAllow, findings: findings}
	switch {
	case len(errs) == 0:
	case p.Action == admissionregistrationv1.Warn:
		v.decision, shown = decisionWarn, append(errs, shown...)
	case p.Action == admissionregistrationv1.Audit:
		v.decision = decisionAudit
	default:
		v.response, v.decision = denied(kind, name, errs), decisionDeny
	}
	if p.Action != admissionregistrationv1.Audit {
		v.response.Warnings = warnings(shown)
	}
	return v
}

// denied is a 422 with one cause per error.
func denied(kind schema.GroupKind, name string, errs arch.Findings) admissionv1.AdmissionResponse {
	shown := errs[:min(len(errs), maxCauses)]
	status := apierrors.NewInvalid(kind, name, shown.Errors()).Status()
	if more := len(errs) - len(shown); more > 0 {
		status.Details.Causes = append(status.Details.Causes, metav1.StatusCause{Message: fmt.Sprintf("and %d more", more)})
	}
	return admissionv1.AdmissionResponse{Result: &status}
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
