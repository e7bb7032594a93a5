package admission

import (
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// The kinds that are judged, in any version.
var (
	sspKind            = schema.GroupKind{Group: "ssp.kubevirt.io", Kind: "SSP"}
	hyperConvergedKind = schema.GroupKind{Group: "hco.kubevirt.io", Kind: "HyperConverged"}
	dataImportCronKind = schema.GroupKind{Group: "cdi.kubevirt.io", Kind: "DataImportCron"}
)

// Policy is what all handlers share. The zero value denies by the default
// rules and counts nothing.
type Policy struct {
	// Rules judge the objects.
	Rules arch.Rules
	// Action says what becomes of errors: Deny (also where it is empty), Warn
	// or Audit. Mutation does not depend on it.
	Action admissionregistrationv1.ValidationAction
	// SSPOperatorUsers, where there are any, are the only users whose
	// DataImportCrons count as the SSP operator's by their label.
	SSPOperatorUsers []string
	// Metrics counts decisions and findings; nil counts nothing.
	Metrics *Metrics
}

// bySSPOperator tells whether the SSP operator keeps the DataImportCron: by
// the label that it had before the write, and its user where users are known.
func (p *Policy) bySSPOperator(r review[arch.DataImportCron]) bool {
	owner := r.Object
	if old := r.old(); old != nil {
		owner = old
	}
	if owner.Metadata.Labels[arch.ManagedByLabel] != arch.ManagedBySSP {
		return false
	}
	return len(p.SSPOperatorUsers) == 0 || slices.Contains(p.SSPOperatorUsers, r.UserInfo.Username)
}
