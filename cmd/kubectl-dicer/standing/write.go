package standing

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/terminal"
)

// Formats are the values of --output.
var Formats = []string{"table", "wide", "json", "yaml"}

// Write writes the report in one of Formats. The architectures are the columns of the
// table that come first, now is what ages count from.
func (r *Report) Write(w io.Writer, format string, architectures []string, now time.Time, colors terminal.Colors) error {
	switch {
	case format == "json" || format == "yaml":
		return r.encode(w, format)
	case len(r.Templates) == 0:
		_, err := fmt.Fprintln(w, "No SSP has a template.")
		return err
	case format == "wide":
		return r.writeWide(w, now)
	}
	if err := r.writeProblems(w, colors); err != nil {
		return err
	}
	return r.writeMatrix(w, architectures, now)
}

func (r *Report) encode(w io.Writer, format string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	text = append(text, '\n')
	if err == nil && format == "yaml" {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// writeProblems writes the notes after all problems.
func (r *Report) writeProblems(w io.Writer, colors terminal.Colors) error {
	var lines []string
	for _, t := range r.Templates {
		for _, problem := range t.all() {
			lines = append(lines, colors.Red("problem:")+" "+problem)
		}
	}
	for _, t := range r.Templates {
		for _, note := range t.notes() {
			lines = append(lines, colors.Yellow("note:")+" "+note)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n")+"\n")
	return err
}

// plain is the column of templates without a list.
const plain = ""

func (r *Report) writeMatrix(w io.Writer, architectures []string, now time.Time) error {
	columns := r.columns(architectures)
	table := printers.GetNewTabWriter(w)
	fmt.Fprint(table, "NAMESPACE\tTEMPLATE")
	for _, column := range columns {
		fmt.Fprint(table, "\t"+strings.ToUpper(orElse(column, "plain")))
	}
	fmt.Fprintln(table)
	for _, t := range r.Templates {
		fmt.Fprintf(table, "%s\t%s", orElse(t.Namespace, "-"), orElse(t.Name, "-"))
		for _, column := range columns {
			fmt.Fprint(table, "\t"+t.cell(column, now))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// columns are the architectures that a template has, those that are known first, and
// last the plain one where a template needs it.
func (r *Report) columns(known []string) []string {
	found := map[string]bool{}
	var others []string
	for _, t := range r.Templates {
		for _, d := range t.DataImportCrons {
			if !found[d.Architecture] && !slices.Contains(known, d.Architecture) && d.Architecture != plain {
				others = append(others, d.Architecture)
			}
			found[d.Architecture] = true
		}
	}
	slices.Sort(others)
	return slices.DeleteFunc(slices.Concat(known, others, []string{plain}), func(column string) bool { return !found[column] })
}

func (t *Template) cell(architecture string, now time.Time) string {
	var cells []string
	for _, d := range t.DataImportCrons {
		if d.Architecture == architecture {
			cells = append(cells, d.cell(now))
		}
	}
	return orElse(strings.Join(cells, "; "), "-")
}

// cell says how one stands, by whom, and when it was imported.
func (d *DataImportCron) cell(now time.Time) string {
	words := []string{d.state()}
	if d.Present {
		words = append(words, d.By, d.age(now))
	}
	return strings.Join(words, ", ")
}

func (d *DataImportCron) state() string {
	switch {
	case !d.Present:
		return "MISSING"
	case len(d.Problems) > 0:
		return "PROBLEM"
	case d.Note != "":
		return "not asked for"
	case d.Importing:
		return "importing"
	default:
		return "ready"
	}
}

func (d *DataImportCron) age(now time.Time) string {
	if d.LastImport == nil {
		return "never imported"
	}
	return duration.HumanDuration(now.Sub(*d.LastImport)) + " ago"
}

func (r *Report) writeWide(w io.Writer, now time.Time) error {
	table := printers.GetNewTabWriter(w)
	fmt.Fprintln(table, "SSP\tNAMESPACE\tTEMPLATE\tARCHITECTURE\tDATAIMPORTCRON\tBY\tUP TO DATE\tDATASOURCE\tREADY\tLAST IMPORT\tPROBLEMS")
	for _, t := range r.Templates {
		// A template's own problems are on a line of their own.
		if len(t.Problems) > 0 {
			fmt.Fprintf(table, "%s\t%s\t%s\t-\t-\t-\t-\t-\t-\t-\t%s\n", orElse(t.SSP, "-"), orElse(t.Namespace, "-"), orElse(t.Name, "-"), strings.Join(t.Problems, "; "))
		}
		for _, d := range t.DataImportCrons {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
				orElse(t.SSP, "-"), t.Namespace, orElse(t.Name, "-"), orElse(d.Architecture, "-"), d.Name, orElse(d.By, "-"),
				yes(d.UpToDate), orElse(d.DataSource, "-"), yes(d.Ready), d.age(now), d.remark())
		}
	}
	return table.Flush()
}

// remark is what the last column of the wide table says.
func (d *DataImportCron) remark() string {
	if d.Note != "" {
		return "note: " + d.Note
	}
	return orElse(strings.Join(d.Problems, "; "), "-")
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func yes(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}
