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

// plainOnes adds a note about each plain DataImportCron of a template with a list. All
// SSPs have been read, so that one which another template asks for is known. dicer's
// own is not among them: fan-out deletes it, and until then no template asks for it.
func (c *comparison) plainOnes() {
	for _, t := range c.lists {
		have, present := c.crons[t.plain]
		if !present || c.asked[t.plain] || owner(have) == ByDicer {
			continue
		}
		c.asked[t.plain] = true
		source, _, _ := unstructured.NestedString(have.Object, "spec", "managedDataSource")
		if have.GetLabels()[arch.ArchitectureLabel] != "" || source != t.dataSource {
			continue // of the same name only, as far as can be seen
		}
		d := DataImportCron{Name: t.plain.Name, DataSource: source}
		c.observe(&d, have, nil)
		d.Problems, d.Note = nil, plainNote(have, source)
		in := &c.report.Templates[t.at]
		in.DataImportCrons = append(in.DataImportCrons, d)
	}
}

// plainNote says what docs/migration.md does.
func plainNote(o *unstructured.Unstructured, dataSource string) string {
	const what = "the plain one of a template that has a list; "
	if owner(o) == BySSPOperator {
		return what + "leave it there: an SSP operator that does not fan out makes it again, for it makes one of every template"
	}
	note := what + "remove it once no virtual machine uses its DataSource " + dataSource
	if policy, _, _ := unstructured.NestedString(o.Object, "spec", "retentionPolicy"); policy == "None" {
		note += ", which goes with it, and its images too: spec.retentionPolicy is None"
	}
	return note
}
