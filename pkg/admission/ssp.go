package admission

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

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

// SSPValidator judges the templates of SSPs.
type SSPValidator struct {
	Policy *Policy
}

var _ admission.Handler = &SSPValidator{}

// Handle implements admission.Handler.
func (v *SSPValidator) Handle(_ context.Context, req admission.Request) admission.Response {
	r, response, done := open[ssp](req, sspKind)
	if done {
		return response
	}
	if r.old != nil && r.old.Metadata.DeletionTimestamp != nil {
		return admission.Allowed("")
	}
	findings := append(r.findings, v.validate(&r.object, r.old)...)
	// HCO's controller stops at its first failing object: a rejection would
	// wedge the whole stack, so its people are told and HCO is let through.
	if r.object.byHCO() || (r.old != nil && r.old.byHCO()) {
		findings = findings.AsWarnings()
	}
	response, what := v.Policy.judge(sspKind, r.object.Metadata.Name, findings)
	return v.Policy.record(SSPPath, req, response, what, "", findings)
}

func (v *SSPValidator) validate(s, old *ssp) arch.Findings {
	templates := s.Spec.CommonTemplates.DataImportCronTemplates
	if old == nil {
		return v.Policy.Rules.ValidateTemplates(templates, s.Spec.Cluster.All(), sspTemplates)
	}
	return v.Policy.Rules.ValidateTemplatesUpdate(templates, old.Spec.CommonTemplates.DataImportCronTemplates, s.Spec.Cluster.All(), sspTemplates)
}
