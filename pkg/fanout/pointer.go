package fanout

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// pointer is a DataSource with the plain name that points to the default
// architecture's, as the SSP operator makes it: virtual machines that name no
// architecture go on working.
type pointer struct {
	key      types.NamespacedName
	template string
	// target is the DataSource that it points to, in the same namespace.
	target  string
	object  *unstructured.Unstructured
	problem *note
}

func (p *Planner) pointer(e arch.Expansion, owner record, a arch.Arch) *pointer {
	base := e.Template.Spec.ManagedDataSource
	out := &pointer{
		key:      types.NamespacedName{Namespace: e.Namespace, Name: base},
		template: e.Template.Metadata.Name,
		target:   base + a.Suffix(),
	}
	for _, x := range e.DataImportCrons {
		if x.Arch == a && (len(x.Findings) > 0 || !p.Namespaces[x.Namespace]) {
			// Its DataImportCron has the same problem, and tells of it.
			out.problem = &note{}
			return out
		}
	}
	out.object = &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cdi.kubevirt.io/v1beta1",
		"kind":       "DataSource",
		"metadata":   map[string]any{"name": base, "namespace": e.Namespace},
		"spec":       map[string]any{"source": pointerSource(out)},
	}}
	owner.template = out.template
	if err := mark(out.object, owner); err != nil {
		out.problem = &note{reason: ReasonInvalidTemplate, warning: true, subject: out.String(), text: err.Error()}
	}
	return out
}

// pointerSource is the DataSource's spec.source.
func pointerSource(p *pointer) map[string]any {
	return map[string]any{"dataSource": map[string]any{"namespace": p.key.Namespace, "name": p.target}}
}

// id names the pointer.
func (p *pointer) id() objectKey { return objectKey{kindDataSource, p.key} }

// String names the pointer as events do.
func (p *pointer) String() string { return p.id().String() }

// pointsTo tells whether a DataSource's only source is the pointer's target.
func (p *pointer) pointsTo(object *unstructured.Unstructured) bool {
	source, _, err := unstructured.NestedMap(object.Object, "spec", "source")
	if err != nil || len(source) != 1 {
		return false
	}
	target, _, err := unstructured.NestedStringMap(source, "dataSource")
	return err == nil && fmt.Sprint(target) == fmt.Sprint(map[string]string{"namespace": p.key.Namespace, "name": p.target})
}
