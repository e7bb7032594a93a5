package standing

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// listTemplate is a template with a list, beside whose DataImportCrons the plain one of
// before may stand.
type listTemplate struct {
	// plain would be its name.
	plain types.NamespacedName
	// dataSource is the template's own, without a suffix.
	dataSource string
	// at is the template's place in the report.
	at int
}

// plainOnes adds a note about each plain DataImportCron by hand of a template with a
// list. An SSP operator that does not fan out makes one of every template, and what
// fan-out does about its own its events tell: neither is left behind. Where an SSP could
// not be read, a template of it may ask for one.
func (c *comparison) plainOnes() {
	for _, t := range c.lists {
		have, present := c.crons[t.plain]
		if !present || c.asked[t.plain] {
			continue
		}
		c.asked[t.plain] = true
		source, _, _ := unstructured.NestedString(have.Object, "spec", "managedDataSource")
		_, listed := have.GetAnnotations()[arch.ListAnnotation]
		if c.unsure || owner(have) != ByOther || source != t.dataSource || listed ||
			have.GetLabels()[arch.ArchitectureLabel] != "" || have.GetDeletionTimestamp() != nil {
			continue
		}
		d := DataImportCron{Name: t.plain.Name, DataSource: source}
		c.observe(&d, have, nil)
		d.Problems, d.Note = nil, plainNote(have, source)
		in := &c.report.Templates[t.at]
		in.DataImportCrons = append(in.DataImportCrons, d)
	}
}

// plainNote tells what it is kept for: nobody can see from here that it may go.
func plainNote(o *unstructured.Unstructured, dataSource string) string {
	note := "the plain one of a template that has a list; keep it while one of the list's DataSources is not ready, or anything uses DataSource " + dataSource
	if policy, _, _ := unstructured.NestedString(o.Object, "spec", "retentionPolicy"); policy == "None" {
		note += ", which goes with it, and its images too: spec.retentionPolicy is None"
	}
	return note
}
