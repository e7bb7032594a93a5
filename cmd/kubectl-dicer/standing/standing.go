package standing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/pkg/fanout"
)

// Objects are what was read of a cluster.
type Objects struct {
	SSPs, DataImportCrons, DataSources []*unstructured.Unstructured
	// OneNamespace tells that SSPs are not all, so that DataImportCrons that none of
	// them asks for may be another's.
	OneNamespace bool
}

// comparison is a look at one cluster.
type comparison struct {
	policy *admission.Policy
	// crons and sources are what stands.
	crons, sources map[types.NamespacedName]*unstructured.Unstructured
	// asked are the DataImportCrons that may stand for a template.
	asked map[types.NamespacedName]bool
	// unsure is set where a template could not be read.
	unsure bool
	// lists are the templates that have one.
	lists  []listTemplate
	report Report
}

// Compare reports what stands of the templates.
func Compare(policy *admission.Policy, in Objects) Report {
	c := &comparison{policy: policy, crons: byName(in.DataImportCrons), sources: byName(in.DataSources), asked: map[types.NamespacedName]bool{}}
	c.report.Templates = []Template{} // [], not null
	for _, ssp := range in.SSPs {
		c.ssp(ssp)
	}
	if !in.OneNamespace {
		c.plainOnes()
		c.unasked(in.DataImportCrons)
	}
	c.report.finish()
	return c.report
}

func byName(objects []*unstructured.Unstructured) map[types.NamespacedName]*unstructured.Unstructured {
	out := make(map[types.NamespacedName]*unstructured.Unstructured, len(objects))
	for _, o := range objects {
		out[keyOf(o)] = o
	}
	return out
}

func keyOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// ssp adds a template for each of the SSP's.
func (c *comparison) ssp(ssp *unstructured.Unstructured) {
	raw, err := ofNobody(ssp).MarshalJSON()
	if err != nil {
		c.unreadable(ssp, err)
		return
	}
	o := &manifest.Object{File: keyOf(ssp).String(), Kind: ssp.GroupVersionKind(), Name: ssp.GetName(), JSON: raw}
	findings, _, err := c.policy.Created(o.Kind, raw)
	if err != nil {
		c.unreadable(ssp, err)
		return
	}
	path := admission.TemplatesPath(o.Kind)
	items, err := o.Items(path.String())
	if err != nil {
		c.unreadable(ssp, err)
		return
	}
	nodes := nodesOf(raw)
	for i, item := range items {
		at := path.Index(i)
		e, err := c.policy.Rules.Expand(item, nodes, at)
		if err != nil {
			c.unreadable(ssp, err)
			continue
		}
		t := Template{SSP: o.File, Namespace: e.Namespace, Name: e.Template.Metadata.Name, Problems: problemsAt(findings, at.String()), DataImportCrons: []DataImportCron{}}
		if e.Multi {
			c.lists = append(c.lists, listTemplate{
				plain:      types.NamespacedName{Namespace: e.Namespace, Name: t.Name},
				dataSource: e.Template.Spec.ManagedDataSource, at: len(c.report.Templates),
			})
		}
		for _, x := range e.DataImportCrons {
			t.DataImportCrons = append(t.DataImportCrons, c.dataImportCron(x))
		}
		c.report.Templates = append(c.report.Templates, t)
	}
}

// ofNobody returns the SSP without the label of its manager. HCO's is only warned about
// when it is written; what is wrong in it is wrong all the same.
func ofNobody(ssp *unstructured.Unstructured) *unstructured.Unstructured {
	out := ssp.DeepCopy()
	unstructured.RemoveNestedField(out.Object, "metadata", "labels", arch.ManagedByLabel)
	return out
}

// nodesOf returns what an SSP says of its cluster. What is wrong in it is a finding.
func nodesOf(ssp []byte) arch.Nodes {
	var view struct {
		Spec struct {
			Cluster arch.Nodes `json:"cluster"`
		} `json:"spec"`
	}
	_, _ = arch.Decode(ssp, &view)
	return view.Spec.Cluster
}

func (c *comparison) unreadable(ssp metav1.Object, err error) {
	c.unsure = true
	c.report.Templates = append(c.report.Templates, Template{
		SSP: keyOf(ssp).String(), Problems: []string{err.Error()}, DataImportCrons: []DataImportCron{},
	})
}

// problemsAt are the errors about a template.
func problemsAt(findings arch.Findings, at string) []string {
	var problems []string
	for _, f := range findings.Of(arch.Error) {
		if strings.HasPrefix(f.FieldError().Field, at+".") {
			problems = append(problems, f.Message())
		}
	}
	return problems
}

// dataImportCron looks at one that a template asks for.
func (c *comparison) dataImportCron(want arch.Expanded) DataImportCron {
	key := types.NamespacedName{Namespace: want.Namespace, Name: want.Name}
	c.asked[key] = true
	d := DataImportCron{Architecture: string(want.Arch), Name: want.Name, DataSource: want.ManagedDataSource}
	for _, f := range want.Findings {
		d.Problems = append(d.Problems, f.Message())
	}
	have, present := c.crons[key]
	switch {
	case present:
		c.observe(&d, have, want.Object)
	case len(d.Problems) == 0:
		d.Problems = append(d.Problems, "missing")
	}
	return d
}

// observe fills in what stands, and what is wrong with it. want is nil where nothing
// can be asked for.
func (c *comparison) observe(d *DataImportCron, have *unstructured.Unstructured, want []byte) {
	d.Present, d.By = true, owner(have)
	d.Importing = condition(have, "Progressing")
	d.LastImport = lastImport(have)
	imported := condition(have, "UpToDate")
	differences := differences(have, want)
	d.UpToDate = imported && len(differences) == 0
	for _, field := range differences {
		d.Problems = append(d.Problems, field+" differs from what the template asks for")
	}
	if !imported && !d.Importing {
		d.Problems = append(d.Problems, "CDI has not imported the latest image"+because(have, "UpToDate"))
	}
	source := c.sources[types.NamespacedName{Namespace: have.GetNamespace(), Name: d.DataSource}]
	switch d.Ready = source != nil && condition(source, "Ready"); {
	case d.Ready, d.Importing:
	case source == nil:
		d.Problems = append(d.Problems, fmt.Sprintf("DataSource %s is missing", d.DataSource))
	default:
		d.Problems = append(d.Problems, fmt.Sprintf("DataSource %s is not ready%s", d.DataSource, because(source, "Ready")))
	}
}

func owner(o metav1.Object) string {
	switch fanout.Owner(o) {
	case fanout.ManagedBy:
		return ByDicer
	case arch.ManagedBySSP:
		return BySSPOperator
	default:
		return ByOther
	}
}

// unasked adds what the SSP operator or dicer made and no template asks for.
func (c *comparison) unasked(all []*unstructured.Unstructured) {
	for _, o := range all {
		by := owner(o)
		if by == ByOther || c.asked[keyOf(o)] {
			continue
		}
		dataSource, _, _ := unstructured.NestedString(o.Object, "spec", "managedDataSource")
		d := DataImportCron{Architecture: o.GetLabels()[arch.ArchitectureLabel], Name: o.GetName(), DataSource: dataSource}
		c.observe(&d, o, nil)
		d.Problems = []string{"no template asks for it"}
		c.report.Templates = append(c.report.Templates, Template{Namespace: o.GetNamespace(), DataImportCrons: []DataImportCron{d}})
	}
}

// conditionOf returns the condition of a type; nil where there is none.
func conditionOf(o *unstructured.Unstructured, kind string) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	i := slices.IndexFunc(conditions, func(c any) bool {
		fields, ok := c.(map[string]any)
		return ok && fields["type"] == kind
	})
	if i < 0 {
		return nil
	}
	return conditions[i].(map[string]any) // seen above
}

func condition(o *unstructured.Unstructured, kind string) bool {
	return conditionOf(o, kind)["status"] == "True"
}

// because is the message, or else the reason, of a condition, as the end of a text.
func because(o *unstructured.Unstructured, kind string) string {
	fields := conditionOf(o, kind)
	for _, name := range []string{"message", "reason"} {
		if text, ok := fields[name].(string); ok && text != "" {
			return ": " + text
		}
	}
	return ""
}

func lastImport(o *unstructured.Unstructured) *time.Time {
	text, _, _ := unstructured.NestedString(o.Object, "status", "lastImportTimestamp")
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	return &at
}
