package admission

import (
	"context"

	"gomodules.xyz/jsonpatch/v2"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// DataImportCronMutatePath and DataImportCronValidatePath are where
// DataImportCrons are completed and validated.
const (
	DataImportCronMutatePath   = "/mutate/dataimportcron"
	DataImportCronValidatePath = "/validate/dataimportcron"
)

// DataImportCronMutator completes DataImportCrons that declare an
// architecture. It rejects nothing: an object with an error goes unpatched to
// the validator.
type DataImportCronMutator struct {
	Policy *Policy
}

var _ admission.Handler = &DataImportCronMutator{}

// Handle implements admission.Handler.
func (m *DataImportCronMutator) Handle(_ context.Context, req admission.Request) admission.Response {
	r, response, done := open[arch.DataImportCron](req, dataImportCronKind)
	if done {
		return response
	}
	ops, findings := m.complete(req, r)
	what := decisionAllow
	response = admission.Allowed("")
	if len(ops) > 0 {
		what = decisionPatch
		response.Patches = ops
		response = response.WithWarnings(warnings(findings, false)...)
	}
	return m.Policy.record(DataImportCronMutatePath, req, response, what, m.Policy.Rules.Declared(&r.object), findings)
}

func (m *DataImportCronMutator) complete(req admission.Request, r review[arch.DataImportCron]) ([]jsonpatch.Operation, arch.Findings) {
	switch {
	case r.findings.HasErrors():
		return nil, nil
	case m.Policy.bySSPOperator(req, r):
		// The operator would delete and recreate what differs from its own.
		return nil, nil
	case r.old == nil:
		return m.Policy.Rules.CompleteDataImportCron(&r.object)
	case r.old.Metadata.DeletionTimestamp != nil || r.oldFindings.HasErrors():
		return nil, nil
	default:
		return m.Policy.Rules.CompleteDataImportCronUpdate(&r.object, r.old)
	}
}

// DataImportCronValidator rejects DataImportCrons whose declarations
// contradict each other.
type DataImportCronValidator struct {
	Policy *Policy
}

var _ admission.Handler = &DataImportCronValidator{}

// Handle implements admission.Handler.
func (v *DataImportCronValidator) Handle(_ context.Context, req admission.Request) admission.Response {
	r, response, done := open[arch.DataImportCron](req, dataImportCronKind)
	if done {
		return response
	}
	if r.old != nil && r.old.Metadata.DeletionTimestamp != nil {
		return admission.Allowed("")
	}
	rules := v.Policy.Rules
	findings := append(r.findings, rules.ValidateDataImportCron(&r.object)...)
	if r.old != nil {
		findings = append(findings, rules.Incomplete(&r.object)...)
		findings = findings.Since(append(r.oldFindings, rules.ValidateDataImportCron(r.old)...))
	}
	if v.Policy.bySSPOperator(req, r) {
		findings = findings.AsWarnings()
	}
	response, what := v.Policy.judge(dataImportCronKind, r.object.Metadata.Name, findings)
	return v.Policy.record(DataImportCronValidatePath, req, response, what, rules.Declared(&r.object), findings)
}
