package report

import (
	"fmt"
	"slices"
)

// Layout says what is compared, and in which order it is told.
type Layout struct {
	// Title is the first line of table and plot.
	Title string
	// Dimensions name what distinguishes one cell from another: "connection",
	// "callers", "body". The plot has one row for each value of the first.
	Dimensions []string
	// Contestants are told in this order.
	Contestants []string
	// Subject is the contestant whose ratio to each of the others is told.
	Subject string
	// Metrics are told in this order.
	Metrics []Metric
}

// Metric is one figure of a sample.
type Metric struct {
	// Name is the metric's in JSON, with its unit: "latency_p50_seconds".
	Name string
	// Title is its column's heading: "p50".
	Title string
	// Format writes a value for people.
	Format func(float64) string
	// Alone tells that the subject's ratio in it says nothing.
	Alone bool
	// Plotted tells whether the plot has a column for it.
	Plotted bool
}

// Cell is what a load was, by the values of Layout.Dimensions in their order:
// "h2", "16", "10 KB".
type Cell []string

// Sample is what one contestant showed in one cell and round.
type Sample struct {
	Round      int
	Cell       Cell
	Contestant string
	// Values are by Metric.Name. What could not be measured is not there.
	Values map[string]float64
}

// Validate returns what makes a layout none.
func (l Layout) Validate() error {
	if !slices.Contains(l.Contestants, l.Subject) {
		return fmt.Errorf("subject %q is none of the contestants %q", l.Subject, l.Contestants)
	}
	for _, m := range l.Metrics {
		if m.Name == "" || m.Format == nil {
			return fmt.Errorf("metric %q has no name or no format", m.Title)
		}
	}
	return nil
}

func (l Layout) check(s Sample) error {
	if len(s.Cell) != len(l.Dimensions) {
		return fmt.Errorf("a sample has %d dimensions; want %q", len(s.Cell), l.Dimensions)
	}
	if !slices.Contains(l.Contestants, s.Contestant) {
		return fmt.Errorf("a sample of %q, which is none of the contestants %q", s.Contestant, l.Contestants)
	}
	return nil
}

// compared are the metrics whose ratios say something.
func (l Layout) compared() []Metric {
	return slices.DeleteFunc(slices.Clone(l.Metrics), func(m Metric) bool { return m.Alone })
}

// others are the contestants but the subject.
func (l Layout) others() []string {
	return slices.DeleteFunc(slices.Clone(l.Contestants), func(name string) bool { return name == l.Subject })
}
