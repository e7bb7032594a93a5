package admission

import (
	"context"
	"slices"

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
	decl := m.Policy.Rules.Declaration(&r.object)
	ops, findings := m.complete(req, r, decl)
	what := decisionAllow
	response = admission.Allowed("")
	if len(ops) > 0 {
		what = decisionPatch
		response.Patches = ops
		response = response.WithWarnings(warnings(findings)...)
	}
	return m.Policy.record(DataImportCronMutatePath, req, response, what, decl.Arch, findings)
}

func (m *DataImportCronMutator) complete(req admission.Request, r review[arch.DataImportCron], decl arch.Declaration) ([]jsonpatch.Operation, arch.Findings) {
	switch {
	case len(r.findings) > 0:
		// What could not be read, a patch may not fit.
		return nil, nil
	case m.Policy.bySSPOperator(req, r):
		// The operator would delete and recreate what differs from its own.
		return nil, nil
	case r.old == nil:
		return decl.Completion()
	case r.old.Metadata.DeletionTimestamp != nil:
		return nil, nil
	default:
		return decl.CompletionOver(r.old)
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
	decl := v.Policy.Rules.Declaration(&r.object)
	findings := slices.Concat(r.findings, decl.Findings, decl.Incomplete())
	if r.old != nil {
		findings = findings.Since(v.Policy.Rules.Declaration(r.old).Findings)
	}
	if v.Policy.bySSPOperator(req, r) {
		findings = findings.AsWarnings()
	}
	response, what := v.Policy.judge(dataImportCronKind, r.object.Metadata.Name, findings)
	return v.Policy.record(DataImportCronValidatePath, req, response, what, decl.Arch, findings)
}
