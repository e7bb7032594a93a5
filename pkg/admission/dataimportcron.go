package admission

import (
	"encoding/json"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// DataImportCronMutatePath and DataImportCronValidatePath are where
// DataImportCrons are completed and validated.
const (
	DataImportCronMutatePath   = "/mutate/dataimportcron"
	DataImportCronValidatePath = "/validate/dataimportcron"
)

// mutateDataImportCron completes a DataImportCron that declares an architecture. It
// rejects nothing: an object with an error goes unpatched to the validator.
func (p *Policy) mutateDataImportCron(r review[arch.DataImportCron]) verdict {
	decl := p.Rules.Declaration(r.Object)
	ops, findings := p.complete(r, decl)
	v := verdict{response: allowed(), decision: decisionAllow, architecture: decl.Arch, findings: findings}
	if len(ops) > 0 {
		// Strings, and maps of them, always marshal.
		v.response.Patch, _ = json.Marshal(ops)
		patchType := admissionv1.PatchTypeJSONPatch
		v.response.PatchType = &patchType
		v.response.Warnings = warnings(findings)
		v.decision = decisionPatch
	}
	return v
}

func (p *Policy) complete(r review[arch.DataImportCron], decl arch.Declaration) ([]arch.Operation, arch.Findings) {
	old := r.old()
	switch {
	case len(r.findings) > 0:
		// What could not be read, a patch may not fit.
		return nil, nil
	case p.bySSPOperator(r):
		// The operator would delete and recreate what differs from its own.
		return nil, nil
	case old == nil:
		return decl.Completion()
	case old.Metadata.DeletionTimestamp != nil:
		return nil, nil
	default:
		return decl.CompletionOver(old)
	}
}

// validateDataImportCron rejects a DataImportCron whose declarations contradict each
// other.
func (p *Policy) validateDataImportCron(r review[arch.DataImportCron]) verdict {
	old := r.old()
	if old != nil && old.Metadata.DeletionTimestamp != nil {
		return verdict{response: allowed(), decision: decisionAllow}
	}
	decl := p.Rules.Declaration(r.Object)
	findings := slices.Concat(r.findings, decl.Findings, decl.Incomplete())
	if old != nil {
		findings = findings.Since(p.Rules.Declaration(old).Findings)
	}
	if p.bySSPOperator(r) {
		findings = findings.AsWarnings()
	}
	v := p.judge(dataImportCronKind, r.Object.Metadata.Name, findings)
	v.architecture = decl.Arch
	return v
}
