package lint

import (
	"fmt"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/judge"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/rulebook"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// Finding is one thing that a rule has to say about an object in a file.
type Finding struct {
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Column   int           `json:"column"`
	Severity arch.Severity `json:"severity"`
	Rule     arch.Rule     `json:"rule"`
	// Object is its kind and name: "SSP/ssp".
	Object string `json:"object"`
	// Field is the path of the field from the object's root; empty for a finding
	// about the whole object.
	Field string `json:"field"`
	// Message is the webhook's, word for word.
	Message    string `json:"message"`
	Suggestion string `json:"suggestion"`
}

// Report is what was found in all files.
type Report struct {
	Findings []Finding `json:"findings"`
	// Errors and Warnings count the findings, Objects what was judged.
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Objects  int `json:"objects"`
}

// Judge adds what the policy has to say when the objects are created. Objects of
// kinds that no webhook is for are passed over. The error is about objects that are
// no JSON after all.
func (r *Report) Judge(policy *admission.Policy, objects []*manifest.Object) error {
	for _, o := range objects {
		findings, judged, err := judge.Created(policy, o.Kind, o.JSON)
		if err != nil {
			return fmt.Errorf("%s: %s %q: %w", o.File, o.Kind.Kind, o.Name, err)
		}
		if judged {
			r.Objects++
		}
		for _, f := range findings {
			r.add(o, f)
		}
	}
	return nil
}

func (r *Report) add(o *manifest.Object, f arch.Finding) {
	if f.Severity == arch.Error {
		r.Errors++
	} else {
		r.Warnings++
	}
	path := f.FieldError().Field
	at := o.Position(path, f.Value)
	r.Findings = append(r.Findings, Finding{
		File: o.File, Line: at.Line, Column: at.Column, Severity: f.Severity, Rule: f.Rule,
		Object: o.Kind.Kind + "/" + o.Name, Field: path, Message: f.Message(), Suggestion: rulebook.Suggestion(f),
	})
}
