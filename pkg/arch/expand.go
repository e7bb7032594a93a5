package arch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	patch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Expansion is what one template makes.
type Expansion struct {
	// Template is the view that was read.
	Template DataImportCron
	// Namespace is where its DataImportCrons belong.
	Namespace string
	// Multi tells a template with a list from one without.
	Multi bool
	// Listed are the valid architectures of the list; Wanted are those of them
	// that the cluster has nodes of, where it says so.
	Listed, Wanted []Arch
	// ListFindings tell what is wrong with the list. The valid items beside
	// them are listed all the same.
	ListFindings Findings
	// Findings are all others about the template.
	Findings Findings
	// DataImportCrons are one for each of Wanted; without a list, the plain one.
	DataImportCrons []Expanded
}

// Expanded is one DataImportCron of a template.
type Expanded struct {
	// Arch is empty for the plain one of a template without a list.
	Arch              Arch
	Namespace, Name   string
	ManagedDataSource string
	// Findings are errors, for which the object must not be created.
	Findings Findings
	// Object is the DataImportCron's JSON; nil beside findings.
	Object []byte
}

// Expand reads a template, found at path, and makes its DataImportCrons. The
// transformation is the patch of [Cut], or of [Carry] where the template has
// no list, applied to the template's own spec, so that no field is lost. An
// error says that raw is not JSON, or cannot be read as a template at all.
func (r Rules) Expand(raw []byte, nodes Nodes, path *field.Path) (Expansion, error) {
	var e Expansion
	malformed, err := Decode(raw, &e.Template)
	if err != nil {
		return Expansion{}, fmt.Errorf("%s: %w", path, err)
	}
	t := &e.Template
	if len(malformed) > 0 {
		return Expansion{}, wrongType(path, t.Metadata.Name, malformed[0])
	}
	if t.Metadata.Name == "" {
		return Expansion{}, fmt.Errorf("%s: a template without a name", path.Child("metadata", "name"))
	}
	e.Namespace = r.namespace(t)
	value := t.Metadata.Annotations[ListAnnotation]
	e.Multi = value != ""
	body, err := specOf(raw)
	if err != nil {
		return Expansion{}, fmt.Errorf("%s: %w", path, err)
	}
	if e.Multi {
		e.Listed, e.ListFindings = ParseList(value, r.accepted(), listPath(path))
		e.Wanted = r.limit(e.Listed, nodes)
		e.Findings = append(fixedValues(t, value, path), r.templateWarnings(t, e.Listed, nil, path)...)
		for _, a := range e.Wanted {
			e.DataImportCrons = append(e.DataImportCrons, r.expand(&e, body, a, path))
		}
	} else {
		e.DataImportCrons = []Expanded{r.expand(&e, body, "", path)}
	}
	subject := r.templateSubject(t)
	e.ListFindings.about(subject)
	e.Findings.about(subject)
	return e, nil
}

// wrongType is the finding as the reason to read no template: what it fixes is
// not known.
func wrongType(template *field.Path, name string, f Finding) error {
	at := template.String()
	if f.Path != nil {
		at += "." + f.Path.String()
	}
	return fmt.Errorf("template %q: %s: %s", name, at, strings.TrimSuffix(f.Text, notJudged))
}

// limit returns the architectures of list that the cluster has nodes of; all
// of them where it does not say.
func (r Rules) limit(list []Arch, nodes Nodes) []Arch {
	present := r.acceptedOf(nodes.All())
	if present == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(a Arch) bool { return !present.Has(a) })
}

// expand makes the DataImportCron for a, the plain one where a is empty.
func (r Rules) expand(e *Expansion, body templateBody, a Arch, path *field.Path) Expanded {
	t := &e.Template
	x := Expanded{Arch: a, Namespace: e.Namespace, Name: t.Metadata.Name, ManagedDataSource: t.Spec.ManagedDataSource}
	ops := Carry(t, e.Namespace)
	if a != "" {
		x.Name += a.Suffix()
		x.ManagedDataSource += a.Suffix()
		ops = Cut(t, a, e.Namespace)
	}
	x.Findings = expandedNames(t, x, path)
	if label, ok := t.Metadata.Labels[ArchitectureLabel]; ok && a == "" {
		x.Findings = append(x.Findings, newError(RuleArchitectureLabel, field.ErrorTypeInvalid, labelPath(path, ArchitectureLabel), label,
			"declares an architecture, which only a list can; name it in the list"))
	}
	if !body.hasSource() {
		x.Findings = append(x.Findings, newError(RuleNoSource, field.ErrorTypeRequired, path.Child("spec", "template", "spec", "source"), "",
			"names no source to import from; set its registry"))
	}
	x.Findings.about(r.templateSubject(t))
	if len(x.Findings) > 0 {
		return x
	}
	object, err := Apply(body.spec, ops)
	if err != nil {
		x.Findings = append(x.Findings, newError(RuleMalformed, field.ErrorTypeInvalid, path, "", "cannot be patched: %v", err))
		x.Findings.about(r.templateSubject(t))
	}
	x.Object = object
	return x
}

// expandedNames checks the names that a DataImportCron of the template gets.
func expandedNames(t *DataImportCron, x Expanded, path *field.Path) Findings {
	var findings Findings
	if problem := checkObjectName(x.Name); problem != "" {
		findings = append(findings, newError(RuleName, field.ErrorTypeInvalid, path.Child("metadata", "name"), x.Name, "%s", problem))
	}
	source := path.Child("spec", "managedDataSource")
	if t.Spec.ManagedDataSource == "" {
		return append(findings, newError(RuleDataSourceName, field.ErrorTypeRequired, source, "", "must name a DataSource"))
	}
	if problem := checkObjectName(x.ManagedDataSource); problem != "" {
		findings = append(findings, newError(RuleDataSourceName, field.ErrorTypeInvalid, source, x.ManagedDataSource, "%s", problem))
	}
	if x.Arch != "" {
		findings = append(findings, baseLabelValue(source, t.Spec.ManagedDataSource, t.Spec.ManagedDataSource)...)
	}
	return findings
}

// templateBody is what of a template's JSON becomes the DataImportCron's.
type templateBody struct {
	spec   []byte
	source map[string]json.RawMessage
}

func specOf(raw []byte) (templateBody, error) {
	var whole struct {
		Spec json.RawMessage `json:"spec"`
	}
	var inner struct {
		Spec struct {
			Template struct {
				Spec struct {
					Source map[string]json.RawMessage `json:"source"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	if _, err := Decode(raw, &whole); err != nil {
		return templateBody{}, err
	}
	if _, err := Decode(raw, &inner); err != nil {
		return templateBody{}, err
	}
	spec, err := json.Marshal(whole)
	return templateBody{spec: spec, source: inner.Spec.Template.Spec.Source}, err
}

// hasSource tells whether there is anything to import from: CDI refuses a
// DataImportCron without.
func (b templateBody) hasSource() bool {
	for _, value := range b.source {
		if string(value) != "null" {
			return true
		}
	}
	return false
}

// Apply returns a JSON document with the patch applied.
func Apply(document []byte, ops []Operation) ([]byte, error) {
	encoded, err := json.Marshal(ops)
	if err != nil {
		return nil, err
	}
	decoded, err := patch.DecodePatch(encoded)
	if err != nil {
		return nil, err
	}
	return decoded.Apply(document)
}
