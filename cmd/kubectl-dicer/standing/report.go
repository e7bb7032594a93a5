package standing

import (
	"cmp"
	"slices"
	"time"
)

// Report is what stands of all templates.
type Report struct {
	// Templates are in an order that has those with problems first.
	Templates []Template `json:"templates"`
	// Problems counts those of all templates.
	Problems int `json:"problems"`
}

// Template is what stands of one.
type Template struct {
	// SSP is "namespace/name". Without one, the DataImportCrons are those that no
	// template asks for.
	SSP       string `json:"ssp,omitempty"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Problems are of the template itself; each DataImportCron has its own.
	Problems        []string         `json:"problems,omitempty"`
	DataImportCrons []DataImportCron `json:"dataImportCrons"`
}

// Owners are who made a DataImportCron.
const (
	BySSPOperator = "SSP operator"
	ByDicer       = "dicer"
	ByOther       = "other"
)

// DataImportCron is one that is asked for, or stands.
type DataImportCron struct {
	// Architecture is empty for the plain one of a template: without a list, or of
	// before it had one.
	Architecture string `json:"architecture,omitempty"`
	Name         string `json:"name"`
	Present      bool   `json:"present"`
	// By is BySSPOperator, ByDicer or ByOther; empty where it is not present.
	By string `json:"by,omitempty"`
	// UpToDate tells that it is what the template asks for, and that CDI has imported
	// the latest image; Importing, that CDI is at it.
	UpToDate  bool `json:"upToDate"`
	Importing bool `json:"importing"`
	// DataSource is the one that it manages; Ready, that it can be used.
	DataSource string     `json:"dataSource,omitempty"`
	Ready      bool       `json:"ready"`
	LastImport *time.Time `json:"lastImport,omitempty"`
	Problems   []string   `json:"problems,omitempty"`
	// Note is about one that nothing asks for and that is no problem all the same.
	Note string `json:"note,omitempty"`
}

// all are the problems of a template and its DataImportCrons, each with its place.
func (t *Template) all() []string {
	var problems []string
	for _, p := range t.Problems {
		problems = append(problems, "SSP "+t.SSP+": "+p)
	}
	for _, d := range t.DataImportCrons {
		for _, p := range d.Problems {
			problems = append(problems, "DataImportCron "+t.Namespace+"/"+d.Name+": "+p)
		}
	}
	return problems
}

// notes are those about its DataImportCrons, each with its place.
func (t *Template) notes() []string {
	var notes []string
	for _, d := range t.DataImportCrons {
		if d.Note != "" {
			notes = append(notes, "DataImportCron "+t.Namespace+"/"+d.Name+": "+d.Note)
		}
	}
	return notes
}

// finish counts the problems and puts the templates that have some first.
func (r *Report) finish() {
	for i := range r.Templates {
		r.Problems += len(r.Templates[i].all())
	}
	slices.SortStableFunc(r.Templates, func(a, b Template) int {
		return cmp.Or(
			-cmp.Compare(min(len(a.all()), 1), min(len(b.all()), 1)),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.SSP, b.SSP),
		)
	})
}
