package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes the result as one indented document.
func (r *Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteText writes the result as one aligned table: a heading for each cell, and
// a line for each contestant with its medians and the subject's ratios to it.
func (r *Result) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\nRounds: %d; each figure is their median. A column of %s: has %s's divided by the line's own, with the least and the greatest.\n", r.Title, r.Rounds, r.Subject, r.Subject)
	for _, name := range slices.Sorted(maps.Keys(r.Conditions)) {
		fmt.Fprintf(w, "%s: %s\n", name, r.Conditions[name])
	}
	// Formatted as one table, so that columns are the same for all cells, and
	// parted afterwards.
	var rows []string
	headings := map[int]string{}
	for _, c := range r.Cells {
		headings[len(rows)] = r.layout.heading(c.cell)
		for _, contestant := range c.Contestants {
			rows = append(rows, r.layout.row(contestant.Name, contestant.Metrics, c.Ratios))
		}
	}
	if len(r.Cells) > 1 {
		headings[len(rows)] = fmt.Sprintf("all %d cells: the median of their ratios, the least and the greatest", len(r.Cells))
		for _, ratio := range r.Overall {
			rows = append(rows, r.layout.row(ratio.To, nil, r.Overall))
		}
	}
	lines, err := align(append([]string{r.layout.header()}, rows...))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", lines[0])
	for i, line := range lines[1:] {
		if heading, ok := headings[i]; ok {
			fmt.Fprintf(w, "\n%s\n", heading)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// align makes columns of what is separated by tabs.
func align(rows []string) ([]string, error) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(rows, "\n"))
	if err := table.Flush(); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines, nil
}

// heading names a cell: "connection h2, callers 16".
func (l Layout) heading(cell Cell) string {
	var parts []string
	for i, name := range l.Dimensions {
		parts = append(parts, name+" "+cell[i])
	}
	return strings.Join(parts, ", ")
}

func (l Layout) header() string {
	columns := []string{""}
	for _, m := range l.Metrics {
		columns = append(columns, m.Title)
	}
	for _, m := range l.compared() {
		columns = append(columns, l.Subject+": "+m.Title)
	}
	return strings.Join(columns, "\t")
}

// row tells a contestant's own figures and the subject's ratios to it. It has all
// columns, or they would not be aligned.
func (l Layout) row(name string, figures map[string]Figure, ratios []Ratio) string {
	columns := []string{"  " + name}
	for _, m := range l.Metrics {
		columns = append(columns, optional(figures, m.Name, func(f Figure) string { return m.Format(f.Median) }))
	}
	var to map[string]Figure
	for _, ratio := range ratios {
		if ratio.To == name {
			to = ratio.Metrics
		}
	}
	for _, m := range l.compared() {
		columns = append(columns, optional(to, m.Name, Figure.times))
	}
	return strings.Join(columns, "\t")
}

// optional writes what is not there as nothing.
func optional(figures map[string]Figure, name string, write func(Figure) string) string {
	figure, ok := figures[name]
	if !ok {
		return ""
	}
	return write(figure)
}

// times writes a ratio with its spread: "1.25x (1.20-1.31)".
func (f Figure) times() string { return fmt.Sprintf("%.2fx (%.2f-%.2f)", f.Median, f.Min, f.Max) }

// Seconds writes a time for people, to three digits: "12.3 ms".
func Seconds(seconds float64) string {
	switch {
	case seconds < 1e-3:
		return digits(seconds*1e6) + " µs"
	case seconds < 1:
		return digits(seconds*1e3) + " ms"
	default:
		return digits(seconds) + " s"
	}
}

// PerSecond writes a rate for people, to three digits.
func PerSecond(rate float64) string { return digits(rate) }

// Percent writes a share for people.
func Percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func digits(value float64) string {
	switch {
	case value < 10:
		return fmt.Sprintf("%.2f", value)
	case value < 100:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.0f", value)
	}
}
