package fanout

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// Planner computes what an SSP asks for, from the SSP alone.
type Planner struct {
	// Rules read lists and cut templates.
	Rules arch.Rules
	// All makes templates without a list too, and a DataSource with the plain
	// name for each list template: for clusters without an SSP operator.
	All bool
	// Namespaces are those that may be written to.
	Namespaces map[string]bool
}

// plan is what an SSP asks for.
type plan struct {
	// items are the DataImportCrons, and pointers the DataSources with a plain
	// name, in the order of the templates. Until choose has run, two may have
	// one key.
	items    []*item
	pointers []*pointer
	// reserved are the plain DataImportCrons that an SSP operator makes.
	reserved []*item
	// templates tells what is known of each, by namespace and name.
	templates map[types.NamespacedName]templateState
	// unsure is why nothing of the SSP may be deleted; empty where all
	// templates could be read.
	unsure string
	// all is the planner's.
	all bool
	// standsDown tells that the SSP operator makes the DataImportCrons.
	standsDown bool
	notes      notes
	// withoutNodes counts templates by an architecture of their lists that
	// spec.cluster has no node of. None where the SSP operator decides.
	withoutNodes map[arch.Arch]int
	// elsewhere is, by the name of a template, why what it made in another
	// namespace than its own has to stay, once choose has run.
	elsewhere map[string]string
	// asked are all items and pointers, once choose has run: true where they
	// can be made.
	asked map[objectKey]bool
}

// objectKey names a DataImportCron or DataSource.
type objectKey struct {
	kind string
	types.NamespacedName
}

// String names the object as events do.
func (k objectKey) String() string { return k.kind + " " + k.NamespacedName.String() }

const (
	kindDataImportCron = "DataImportCron"
	kindDataSource     = "DataSource"
)

// item is one DataImportCron that an SSP asks for.
type item struct {
	key      types.NamespacedName
	template string
	arch     arch.Arch
	// dataSource is the name of the DataSource that it manages.
	dataSource string
	hash       string
	// object is complete, with its record. Nil beside a problem of its own.
	object *unstructured.Unstructured
	// problem is why it can be neither created nor replaced; nil where it can.
	problem *note
}

// templateState is what the plan knows of a template.
type templateState struct {
	multi bool
	// keep is why nothing of the template may be deleted or replaced.
	keep string
}

// view is what dicer reads of an SSP, in all versions.
type view struct {
	Spec *struct {
		EnableMultipleArchitectures bool       `json:"enableMultipleArchitectures"`
		Cluster                     arch.Nodes `json:"cluster"`
		CommonTemplates             *struct {
			DataImportCronTemplates []json.RawMessage `json:"dataImportCronTemplates"`
		} `json:"commonTemplates"`
	} `json:"spec"`
}

// knownVersions are those in which a missing field means that there are no
// templates.
var knownVersions = map[string]bool{"ssp.kubevirt.io/v1beta2": true, "ssp.kubevirt.io/v1beta3": true}

var templatesPath = field.NewPath("spec", "commonTemplates", "dataImportCronTemplates")

// plan never fails: what it cannot read is noted, and makes it unsure.
func (p *Planner) plan(ssp *unstructured.Unstructured) *plan {
	out := &plan{all: p.All, templates: map[types.NamespacedName]templateState{}, withoutNodes: map[arch.Arch]int{}}
	var v view
	raw, err := ssp.MarshalJSON()
	if err == nil {
		var malformed arch.Findings
		malformed, err = arch.Decode(raw, &v)
		if err == nil && len(malformed) > 0 {
			err = errors.New(malformed[0].Message())
		}
	}
	switch {
	case err != nil:
		out.doubt(ReasonUnreadable, err.Error())
		return out
	case v.Spec == nil || v.Spec.CommonTemplates == nil:
		out.doubt(ReasonUnreadable, "has no spec.commonTemplates")
		return out
	case v.Spec.CommonTemplates.DataImportCronTemplates == nil && !knownVersions[ssp.GetAPIVersion()]:
		// A version to come may have them elsewhere.
		out.doubt(ReasonUnreadable, fmt.Sprintf("of version %s has no %s", ssp.GetAPIVersion(), templatesPath))
		return out
	}
	out.standsDown = !p.All && v.Spec.EnableMultipleArchitectures
	owner := record{ssp: keyOf(ssp), uid: ssp.GetUID()}
	for i, template := range v.Spec.CommonTemplates.DataImportCronTemplates {
		p.addTemplate(out, owner, template, v.Spec.Cluster, templatesPath.Index(i))
	}
	out.noteHCO(ssp)
	return out
}

// doubt notes why the SSP cannot be read for sure.
func (p *plan) doubt(reason Reason, text string) {
	p.unsure = text
	p.notes.warn(reason, "", text+"; nothing is deleted")
}

// noteHCO tells where dicer has nothing to do: a current HCO has the SSP
// operator fan out, or hands it no list.
func (p *plan) noteHCO(ssp metav1.Object) {
	if ssp.GetLabels()[arch.ManagedByLabel] != arch.ManagedByHCO || (!p.standsDown && len(p.items) > 0) {
		return
	}
	p.notes.tell(ReasonNothingToDo, "", "HCO manages this SSP and the SSP operator makes the DataImportCrons; dicer's fan-out is not needed here")
}

func (p *Planner) addTemplate(out *plan, owner record, raw json.RawMessage, nodes arch.Nodes, path *field.Path) {
	e, err := p.Rules.Expand(raw, nodes, path)
	if err != nil {
		out.doubt(ReasonInvalidTemplate, err.Error())
		return
	}
	template := types.NamespacedName{Namespace: e.Namespace, Name: e.Template.Metadata.Name}
	subject := fmt.Sprintf("template %q", template.Name)
	state := templateState{multi: e.Multi}
	for _, f := range e.ListFindings {
		state.keep = "its list is wrong"
		out.notes.warn(ReasonInvalidList, subject, fmt.Sprintf("%q: %s", f.Value, f.Text))
	}
	for _, f := range e.Findings {
		switch {
		case f.Severity == arch.Error:
			out.notes.warn(ReasonInvalidTemplate, "", f.Message())
		case f.Rule == arch.RuleNoRegistry, f.Rule == arch.RuleCronJobName:
			out.notes.warn(ReasonTemplateWarning, "", f.Message())
		}
	}
	if e.Multi && len(e.Listed) > 0 && len(e.Wanted) == 0 {
		state.keep = "spec.cluster has no node for it"
		out.notes.warn(ReasonNoArchitectureLeft, subject, "spec.cluster names none of its architectures; nothing is created or deleted")
	}
	if !out.standsDown {
		for _, a := range e.Listed {
			if !slices.Contains(e.Wanted, a) {
				out.withoutNodes[a]++
			}
		}
	}
	if known, ok := out.templates[template]; ok {
		state.multi = state.multi || known.multi
		if state.keep == "" {
			state.keep = known.keep
		}
	}
	out.templates[template] = state
	if !p.All {
		// Of a list template too: an SSP operator that does not fan out makes
		// the plain one of every template.
		out.reserved = append(out.reserved, &item{key: template, template: template.Name, dataSource: e.Template.Spec.ManagedDataSource})
	}
	if e.Multi || p.All {
		for _, x := range e.DataImportCrons {
			out.items = append(out.items, p.item(x, owner, template.Name))
		}
	}
	if p.All && len(e.Wanted) > 0 && e.Template.Spec.ManagedDataSource != "" {
		out.pointers = append(out.pointers, p.pointer(e, owner, nodes.Default(e.Wanted)))
	}
}

// item makes a DataImportCron's object, or says why it cannot be made.
func (p *Planner) item(x arch.Expanded, owner record, template string) *item {
	it := &item{
		key:      types.NamespacedName{Namespace: x.Namespace, Name: x.Name},
		template: template, arch: x.Arch, dataSource: x.ManagedDataSource,
	}
	switch {
	case len(x.Findings) > 0:
		var texts []string
		for _, f := range x.Findings {
			texts = append(texts, f.Message())
		}
		return it.impossible(ReasonInvalidTemplate, strings.Join(texts, "; "))
	case !p.Namespaces[x.Namespace]:
		return it.impossible(ReasonNamespaceNotAllowed, fmt.Sprintf("namespace %q is not one that dicer writes to; list it in --target-namespaces and install its Role", x.Namespace))
	}
	it.object = &unstructured.Unstructured{}
	if err := it.object.UnmarshalJSON(x.Object); err != nil {
		return it.impossible(ReasonInvalidTemplate, err.Error())
	}
	spec, _, err := unstructured.NestedMap(it.object.Object, "spec")
	if err == nil {
		it.hash, err = specHash(spec)
	}
	if err == nil {
		owner.template, owner.hash, owner.dataSource = template, it.hash, it.dataSource
		err = mark(it.object, owner)
	}
	if err == nil && it.arch != "" && !complete(x.Object, it.arch) {
		err = fmt.Errorf("is not complete for %s", it.arch)
	}
	if err != nil {
		return it.impossible(ReasonInvalidTemplate, err.Error())
	}
	return it
}

func (it *item) impossible(reason Reason, text string) *item {
	it.object = nil
	it.problem = &note{reason: reason, warning: true, subject: it.String(), text: text}
	return it
}

// id names the item.
func (it *item) id() objectKey { return objectKey{kindDataImportCron, it.key} }

// String names the item as events do.
func (it *item) String() string { return it.id().String() }

// managed is the DataSource that the item's DataImportCron manages.
func (it *item) managed() types.NamespacedName {
	return sourceOf(it.key, it.dataSource)
}

// sourceOf is the DataSource of this name that a DataImportCron manages: its
// namespace has both.
func sourceOf(cron types.NamespacedName, dataSource string) types.NamespacedName {
	return types.NamespacedName{Namespace: cron.Namespace, Name: dataSource}
}

// complete tells whether a DataImportCron's JSON is what the six changes make.
func complete(raw []byte, a arch.Arch) bool {
	var d arch.DataImportCron
	malformed, err := arch.Decode(raw, &d)
	return err == nil && len(malformed) == 0 && d.CompleteFor(a)
}

func keyOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
