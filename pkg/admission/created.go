package admission

import (
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// TemplatesPath is where an object of a kind keeps its templates; nil for a kind
// that has none.
func TemplatesPath(kind schema.GroupVersionKind) *field.Path {
	switch kind.GroupKind() {
	case sspKind:
		return sspTemplates
	case hyperConvergedKind:
		return hyperConvergedTemplates(kind.Version)
	default:
		return nil
	}
}

// View returns what the rules read of an object of a kind, empty; nil for a kind that no
// webhook is for. Its fields have the names and types of the object's.
func View(kind schema.GroupVersionKind) any {
	switch kind.GroupKind() {
	case sspKind:
		return new(ssp)
	case hyperConvergedKind:
		return new(hyperConverged)
	case dataImportCronKind:
		return new(arch.DataImportCron)
	default:
		return nil
	}
}

// Created returns what the webhooks have to say when the object, in JSON, is
// created: the mutating one first. The severity of a finding is what the rules give
// it, whatever Action makes of it. judged is false for a kind that no webhook is
// for; err says that the object is not JSON.
func (p *Policy) Created(kind schema.GroupVersionKind, object []byte) (findings arch.Findings, judged bool, err error) {
	switch kind.GroupKind() {
	case sspKind:
		findings, err = created(kind, object, p.validateSSP)
	case hyperConvergedKind:
		findings, err = created(kind, object, p.validateHyperConverged)
	case dataImportCronKind:
		findings, err = p.createdDataImportCron(kind, object)
	default:
		return nil, false, nil
	}
	return findings, true, err
}

// createdDataImportCron has the object validated as mutation leaves it.
func (p *Policy) createdDataImportCron(kind schema.GroupVersionKind, object []byte) (arch.Findings, error) {
	r, err := creation[arch.DataImportCron](kind, object)
	if err != nil {
		return nil, err
	}
	ops, findings := p.complete(r, p.Rules.Declaration(r.Object))
	if len(ops) > 0 {
		if object, err = arch.Apply(object, ops); err != nil {
			return nil, err
		}
	}
	more, err := created(kind, object, p.validateDataImportCron)
	return append(findings, more...), err
}

func created[T any](kind schema.GroupVersionKind, object []byte, judge func(review[T]) verdict) (arch.Findings, error) {
	r, err := creation[T](kind, object)
	if err != nil {
		return nil, err
	}
	return judge(r).findings, nil
}

// creation is a review of the object's creation, by nobody that is known.
func creation[T any](kind schema.GroupVersionKind, object []byte) (review[T], error) {
	r := review[T]{version: reviewVersion, request: &request[T]{Operation: admissionv1.Create, Object: new(T)}}
	r.Kind.Group, r.Kind.Version, r.Kind.Kind = kind.Group, kind.Version, kind.Kind
	var err error
	r.findings, err = arch.Decode(object, r.Object)
	return r, err
}
