package admission

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// HyperConvergedPath is where HyperConvergeds are validated.
const HyperConvergedPath = "/validate/hyperconverged"

// hyperConvergedV1 is the version that keeps the templates below workloadSources.
const hyperConvergedV1 = "v1"

// hyperConvergedTemplates is where a HyperConverged of a version keeps its templates.
func hyperConvergedTemplates(version string) *field.Path {
	if version == hyperConvergedV1 {
		return field.NewPath("spec", "workloadSources", "dataImportCronTemplates")
	}
	return field.NewPath("spec", "dataImportCronTemplates")
}

// hyperConverged is the view of a HyperConverged, in all versions.
type hyperConverged struct {
	Metadata arch.Metadata `json:"metadata"`
	Spec     struct {
		// v1beta1's
		DataImportCronTemplates []arch.DataImportCron `json:"dataImportCronTemplates"`
		// v1's
		WorkloadSources struct {
			DataImportCronTemplates []arch.DataImportCron `json:"dataImportCronTemplates"`
		} `json:"workloadSources"`
	} `json:"spec"`
	Status struct {
		DataImportCronTemplates []statusTemplate `json:"dataImportCronTemplates"`
	} `json:"status"`
}

// statusTemplate is a template that HCO puts into the SSP: the user's, and common
// ones.
type statusTemplate struct {
	// Not embedded: the decoder would name the type in a field's path.
	Metadata arch.Metadata `json:"metadata"`
	Spec     arch.Spec     `json:"spec"`
	Status   struct {
		CommonTemplate bool `json:"commonTemplate"`
	} `json:"status"`
}

// validateHyperConverged judges the templates of a HyperConverged, as it was
// written: a version knows the path of its own.
func (p *Policy) validateHyperConverged(r review[hyperConverged]) verdict {
	old := r.old()
	if old != nil && old.Metadata.DeletionTimestamp != nil {
		return verdict{response: allowed(), decision: decisionAllow}
	}
	path := hyperConvergedTemplates(r.Kind.Version)
	var findings arch.Findings
	if old == nil {
		findings = p.Rules.ValidateTemplates(r.Object.templates(r.Kind.Version), path)
	} else {
		findings = p.Rules.ValidateTemplatesUpdate(r.Object.templates(r.Kind.Version), old.templates(r.Kind.Version), path)
	}
	return p.judge(hyperConvergedKind, r.Object.Metadata.Name, append(r.findings, findings...))
}

// templates are those that the user wrote. A common template that he names too, to
// change it or to switch it off, is not there besides.
func (h *hyperConverged) templates(version string) arch.Templates {
	written := h.Spec.DataImportCronTemplates
	if version == hyperConvergedV1 {
		written = h.Spec.WorkloadSources.DataImportCronTemplates
	}
	ts := arch.Templates{Items: make([]arch.DataImportCron, len(written)), NoSpace: true}
	named := make(map[string]bool, len(written))
	for i, t := range written {
		named[t.Metadata.Name] = true
		// One that is switched off stays as an empty one, which claims nothing: the
		// others keep their places.
		if !t.Disabled() {
			ts.Items[i] = t
		}
	}
	for _, t := range h.Status.DataImportCronTemplates {
		if t.Status.CommonTemplate && !named[t.Metadata.Name] {
			ts.Others = append(ts.Others, arch.DataImportCron{Metadata: t.Metadata, Spec: t.Spec})
		}
	}
	return ts
}
