// Package expand makes the DataImportCrons of the templates in a file.
package expand

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/judge"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// hyperConverged is the kind whose templates can be switched off, and whose lists are
// not trimmed.
const hyperConverged = "HyperConverged"

// Expansion is what an object's templates make.
type Expansion struct {
	// DataImportCrons are those that would stand, in the order of the templates.
	// Where two have one name or one DataSource, it is the first.
	DataImportCrons []arch.Expanded
	// Findings are about the object and about what cannot be made.
	Findings arch.Findings
}

// Object makes the DataImportCrons of an SSP's or a HyperConverged's templates. The
// nodes are the object's own where nodes is empty. An error says that the object or
// templates cannot be read; what the others make is returned beside it.
func Object(policy *admission.Policy, o *manifest.Object, nodes arch.Architectures) (Expansion, error) {
	path := admission.TemplatesPath(o.Kind)
	items, err := o.Items(path.String())
	if err != nil {
		return Expansion{}, fmt.Errorf("%s: %w", o.File, err)
	}
	if len(items) == 0 {
		return Expansion{}, nil
	}
	raw, of, err := withNodes(o, nodes)
	if err != nil {
		return Expansion{}, fmt.Errorf("%s: %s %q: %w", o.File, o.Kind.Kind, o.Name, err)
	}
	var e Expansion
	if e.Findings, _, err = judge.Created(policy, o.Kind, raw); err != nil {
		return Expansion{}, fmt.Errorf("%s: %w", o.File, err)
	}
	taken := names{}
	var errs []error
	for i, item := range items {
		x, err := policy.Rules.Expand(item, of, path.Index(i))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.File, err))
			continue
		}
		if o.Kind.Kind == hyperConverged {
			x.DataImportCrons = slices.DeleteFunc(x.DataImportCrons, func(made arch.Expanded) bool { return lost(x, made) })
		}
		e.add(x, taken)
	}
	return e, errors.Join(errs...)
}

// lost tells whether HCO leaves out the template, or the item of its list, for which the
// DataImportCron would stand.
func lost(x arch.Expansion, made arch.Expanded) bool {
	items := strings.Split(x.Template.Metadata.Annotations[arch.ListAnnotation], ",")
	return x.Template.Disabled() || x.Multi && !slices.Contains(items, string(made.Arch))
}

// withNodes returns the object's JSON, in which an SSP has the nodes, and the nodes.
func withNodes(o *manifest.Object, nodes arch.Architectures) ([]byte, arch.Nodes, error) {
	isSSP := o.Kind.Group == "ssp.kubevirt.io"
	if len(nodes) > 0 {
		of, raw := arch.Nodes{WorkloadArchitectures: nodes}, o.JSON
		var err error
		if isSSP {
			cluster := map[string]arch.Architectures{"workloadArchitectures": nodes}
			raw, err = arch.Apply(raw, []arch.Operation{{Op: "add", Path: "/spec/cluster", Value: cluster}})
		}
		return raw, of, err
	}
	var view struct {
		Spec struct {
			Cluster arch.Nodes `json:"cluster"`
		} `json:"spec"`
	}
	if isSSP {
		if _, err := arch.Decode(o.JSON, &view); err != nil {
			return nil, arch.Nodes{}, err
		}
	}
	return o.JSON, view.Spec.Cluster, nil
}

// names are those that are taken, by kind.
type names map[string]map[types.NamespacedName]bool

// free tells whether a name is not taken yet, and takes it.
func (n names) free(kind, namespace, name string) bool {
	if n[kind] == nil {
		n[kind] = map[types.NamespacedName]bool{}
	}
	key := types.NamespacedName{Namespace: namespace, Name: name}
	defer func() { n[kind][key] = true }()
	return !n[kind][key]
}

func (e *Expansion) add(x arch.Expansion, taken names) {
	for _, made := range x.DataImportCrons {
		e.tell(made.Findings)
		if made.Object != nil && taken.free("DataImportCron", made.Namespace, made.Name) && taken.free("DataSource", made.Namespace, made.ManagedDataSource) {
			e.DataImportCrons = append(e.DataImportCrons, made)
		}
	}
}

// tell adds what the webhooks did not say: a rule that both have says it of the
// template's name there, and of the DataImportCron's here.
func (e *Expansion) tell(findings arch.Findings) {
	for _, f := range findings {
		if !slices.ContainsFunc(e.Findings, func(known arch.Finding) bool {
			return known.Rule == f.Rule && known.FieldError().Field == f.FieldError().Field
		}) {
			e.Findings = append(e.Findings, f)
		}
	}
}
