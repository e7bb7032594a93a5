package admission

import (
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"

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
	auditFindings     = "findings"
)

// record notes a verdict in audit annotations and metrics, and returns its
// response.
func (p *Policy) record(webhook string, operation admissionv1.Operation, v verdict) admissionv1.AdmissionResponse {
	v.response.AuditAnnotations = map[string]string{auditDecision: string(v.decision)}
	if v.architecture != "" {
		v.response.AuditAnnotations[auditArchitecture] = string(v.architecture)
	}
	if len(v.findings) > 0 {
		v.response.AuditAnnotations[auditFindings] = writeFindings(v.findings)
	}
	p.Metrics.observe(webhook, string(operation), v.decision, v.findings)
	return v.response
}

// maxAuditFindings bounds the findings in an audit event; the whole event is
// limited by the API server's audit log.
const maxAuditFindings = 50

// writeFindings gives findings as the audit annotation holds them: a JSON
// array.
func writeFindings(findings arch.Findings) string {
	type entry struct {
		Rule     arch.Rule     `json:"rule"`
		Severity arch.Severity `json:"severity"`
		Field    string        `json:"field"`
		Message  string        `json:"message"`
	}
	shown := findings[:min(len(findings), maxAuditFindings)]
	entries := make([]entry, 0, len(shown)+1)
	for _, f := range shown {
		entries = append(entries, entry{f.Rule, f.Severity, f.FieldError().Field, f.Message()})
	}
	if more := len(findings) - len(shown); more > 0 {
		entries = append(entries, entry{Message: fmt.Sprintf("and %d more", more)})
	}
	// Strings always marshal.
	out, _ := json.Marshal(entries)
	return string(out)
}
