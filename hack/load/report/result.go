package report

import (
	"maps"
	"slices"
	"strings"
)

// Result is what samples came to. It is the document that -o json writes; its
// field names do not change.
type Result struct {
	layout Layout

	Title string `json:"title"`
	// Subject is the contestant that ratios are of.
	Subject string `json:"subject"`
	Rounds  int    `json:"rounds"`
	// Conditions are what the figures depend on, by name: "cpu". The caller sets
	// them.
	Conditions map[string]string `json:"conditions,omitempty"`
	Cells      []CellResult      `json:"cells"`
	// Overall has the medians of Cells' ratios: their median, least and greatest.
	Overall []Ratio `json:"overall"`
}

// CellResult is what contestants showed in one cell.
type CellResult struct {
	// Dimensions are the cell's values by Layout.Dimensions.
	Dimensions map[string]string `json:"dimensions"`
	// Contestants are those that have samples.
	Contestants []ContestantResult `json:"contestants"`
	// Ratios are the subject's to each of the others.
	Ratios []Ratio `json:"ratios"`

	cell Cell
}

// ContestantResult is one contestant's figures by Metric.Name.
type ContestantResult struct {
	Name    string            `json:"name"`
	Metrics map[string]Figure `json:"metrics"`
}

// Ratio is the subject's value divided by another contestant's, by Metric.Name.
type Ratio struct {
	To      string            `json:"to"`
	Metrics map[string]Figure `json:"metrics"`
}

// Figure is a median and its spread.
type Figure struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// NewFigure summarizes at least one value.
func NewFigure(values []float64) Figure {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Figure{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// Summarize makes the result of samples. Cells come in the order of their first
// samples.
func Summarize(layout Layout, samples []Sample) (*Result, error) {
	if err := layout.Validate(); err != nil {
		return nil, err
	}
	r := &Result{layout: layout, Title: layout.Title, Subject: layout.Subject}
	byCell := map[string][]Sample{}
	var cells []Cell
	rounds := map[int]bool{}
	for _, s := range samples {
		if err := layout.check(s); err != nil {
			return nil, err
		}
		key := strings.Join(s.Cell, "\x00")
		if byCell[key] == nil {
			cells = append(cells, s.Cell)
		}
		byCell[key] = append(byCell[key], s)
		rounds[s.Round] = true
	}
	r.Rounds = len(rounds)
	for _, cell := range cells {
		r.Cells = append(r.Cells, layout.summarizeCell(cell, byCell[strings.Join(cell, "\x00")]))
	}
	r.Overall = layout.overall(r.Cells)
	return r, nil
}

func (l Layout) summarizeCell(cell Cell, samples []Sample) CellResult {
	c := CellResult{cell: cell, Dimensions: map[string]string{}}
	for i, name := range l.Dimensions {
		c.Dimensions[name] = cell[i]
	}
	// By contestant, metric and round.
	values := map[string]map[string]map[int]float64{}
	for _, s := range samples {
		if values[s.Contestant] == nil {
			values[s.Contestant] = map[string]map[int]float64{}
		}
		for name, value := range s.Values {
			if values[s.Contestant][name] == nil {
				values[s.Contestant][name] = map[int]float64{}
			}
			values[s.Contestant][name][s.Round] = value
		}
	}
	for _, name := range l.Contestants {
		if metrics := figures(l.Metrics, func(m string) []float64 { return slices.Collect(maps.Values(values[name][m])) }); len(metrics) > 0 {
			c.Contestants = append(c.Contestants, ContestantResult{name, metrics})
		}
	}
	for _, name := range l.others() {
		ratios := func(m string) []float64 { return divide(values[l.Subject][m], values[name][m]) }
		if metrics := figures(l.compared(), ratios); len(metrics) > 0 {
			c.Ratios = append(c.Ratios, Ratio{name, metrics})
		}
	}
	return c
}

// figures are those of the metrics that have values.
func figures(metrics []Metric, values func(metric string) []float64) map[string]Figure {
	figures := map[string]Figure{}
	for _, m := range metrics {
		if v := values(m.Name); len(v) > 0 {
			figures[m.Name] = NewFigure(v)
		}
	}
	return figures
}

func (l Layout) overall(cells []CellResult) []Ratio {
	var overall []Ratio
	for _, name := range l.others() {
		medians := func(m string) []float64 {
			var values []float64
			for _, c := range cells {
				if figure, ok := c.ratio(name, m); ok {
					values = append(values, figure.Median)
				}
			}
			return values
		}
		if metrics := figures(l.compared(), medians); len(metrics) > 0 {
			overall = append(overall, Ratio{name, metrics})
		}
	}
	return overall
}

// ratio is the subject's to a contestant, by a metric.
func (c CellResult) ratio(to, metric string) (Figure, bool) {
	for _, r := range c.Ratios {
		if r.To == to {
			figure, ok := r.Metrics[metric]
			return figure, ok
		}
	}
	return Figure{}, false
}

// divide divides what both have, round by round.
func divide(of, by map[int]float64) []float64 {
	var ratios []float64
	for round, value := range of {
		if divisor := by[round]; divisor != 0 {
			ratios = append(ratios, value/divisor)
		}
	}
	return ratios
}
