package admission

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// SSPPath is where SSPs are validated.
const SSPPath = "/validate/ssp"

// sspTemplates is where an SSP keeps its templates, in all versions.
var sspTemplates = field.NewPath("spec", "commonTemplates", "dataImportCronTemplates")

// ssp is the view of an SSP, in all versions.
type ssp struct {
	Metadata arch.Metadata `json:"metadata"`
	Spec     struct {
		Cluster         arch.Nodes `json:"cluster"`
		CommonTemplates struct {
			DataImportCronTemplates []arch.DataImportCron `json:"dataImportCronTemplates"`
		} `json:"commonTemplates"`
	} `json:"spec"`
}

func (s *ssp) byHCO() bool { return s.Metadata.Labels[arch.ManagedByLabel] == arch.ManagedByHCO }

// validateSSP judges the templates of an SSP.
func (p *Policy) validateSSP(r review[ssp]) verdict {
	old := r.old()
	if old != nil && old.Metadata.DeletionTimestamp != nil {
		return verdict{response: allowed(), decision: decisionAllow}
	}
	findings := append(r.findings, p.validateTemplates(r.Object, old)...)
	// HCO's controller stops at its first failing object: a rejection would
	// wedge the whole stack, so its people are told and HCO is let through.
	if r.Object.byHCO() || (old != nil && old.byHCO()) {
		findings = findings.AsWarnings()
	}
	return p.judge(sspKind, r.Object.Metadata.Name, findings)
}

func (p *Policy) validateTemplates(s, old *ssp) arch.Findings {
	if old == nil {
		return p.Rules.ValidateTemplates(s.templates(), sspTemplates)
	}
	return p.Rules.ValidateTemplatesUpdate(s.templates(), old.templates(), sspTemplates)
}

func (s *ssp) templates() arch.Templates {
	return arch.Templates{Items: s.Spec.CommonTemplates.DataImportCronTemplates, Nodes: s.Spec.Cluster.All()}
}
