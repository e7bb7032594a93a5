package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var layout = Layout{
	Title:       "Reviews",
	Dimensions:  []string{"connection", "body"},
	Contestants: []string{"allow", "typed", "dicer"},
	Subject:     "dicer",
	Metrics: []Metric{
		{Name: "throughput_per_second", Title: "reviews/s", Format: PerSecond, Plotted: true},
		{Name: "latency_p99_seconds", Title: "p99", Format: Seconds, Plotted: true},
	},
}

func sample(round int, body, contestant string, throughput, p99 float64) Sample {
	return Sample{Round: round, Cell: Cell{"h2", body}, Contestant: contestant,
		Values: map[string]float64{"throughput_per_second": throughput, "latency_p99_seconds": p99}}
}

// samples have one round that is slow for all.
func samples() []Sample {
	return []Sample{
		sample(0, "2 KB", "allow", 1000, 0.0010), sample(0, "2 KB", "dicer", 1500, 0.0005),
		sample(1, "2 KB", "allow", 100, 0.0100), sample(1, "2 KB", "dicer", 120, 0.0050),
		sample(2, "2 KB", "allow", 1010, 0.0012), sample(2, "2 KB", "dicer", 1010, 0.0012),
		sample(0, "10 KB", "allow", 500, 0.002), sample(0, "10 KB", "dicer", 1500, 0.001),
		{Round: 0, Cell: Cell{"h2", "10 KB"}, Contestant: "typed", Values: map[string]float64{"throughput_per_second": 250}},
	}
}

func summarize(t *testing.T) *Result {
	t.Helper()
	r, err := Summarize(layout, samples())
	if err != nil {
		t.Fatal(err)
	}
	r.Conditions = map[string]string{"machine": "2 CPUs", "go": "go1.26"}
	return r
}

func TestText(t *testing.T) {
	const want = `Reviews
Rounds: 3; each figure is their median. A column of dicer: has dicer's divided by the line's own, with the least and the greatest.
go: go1.26
machine: 2 CPUs

         reviews/s  p99      dicer: reviews/s   dicer: p99

connection h2, body 2 KB
  allow  1000       1.20 ms  1.20x (1.00-1.50)  0.50x (0.50-1.00)
  dicer  1010       1.20 ms

connection h2, body 10 KB
  allow  500        2.00 ms  3.00x (3.00-3.00)  0.50x (0.50-0.50)
  typed  250                 6.00x (6.00-6.00)
  dicer  1500       1.00 ms

all 2 cells: the median of their ratios, the least and the greatest
  allow                      2.10x (1.20-3.00)  0.50x (0.50-0.50)
  typed                      6.00x (6.00-6.00)
`
	var out strings.Builder
	if err := summarize(t).WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	const want = `{
		"title": "Reviews", "subject": "dicer", "rounds": 1, "conditions": {"machine": "2 CPUs"},
		"cells": [{
			"dimensions": {"connection": "h2", "body": "2 KB"},
			"contestants": [
				{"name": "allow", "metrics": {"latency_p99_seconds": {"median": 0.002, "min": 0.002, "max": 0.002}, "throughput_per_second": {"median": 500, "min": 500, "max": 500}}},
				{"name": "dicer", "metrics": {"latency_p99_seconds": {"median": 0.001, "min": 0.001, "max": 0.001}, "throughput_per_second": {"median": 1000, "min": 1000, "max": 1000}}}],
			"ratios": [
				{"to": "allow", "metrics": {"latency_p99_seconds": {"median": 0.5, "min": 0.5, "max": 0.5}, "throughput_per_second": {"median": 2, "min": 2, "max": 2}}}]
		}],
		"overall": [{"to": "allow", "metrics": {"latency_p99_seconds": {"median": 0.5, "min": 0.5, "max": 0.5}, "throughput_per_second": {"median": 2, "min": 2, "max": 2}}}]
	}`
	r, err := Summarize(layout, []Sample{sample(4, "2 KB", "allow", 500, 0.002), sample(4, "2 KB", "dicer", 1000, 0.001)})
	if err != nil {
		t.Fatal(err)
	}
	r.Conditions = map[string]string{"machine": "2 CPUs"}
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got, wanted any
	if err := errors.Join(json.Unmarshal(out.Bytes(), &got), json.Unmarshal([]byte(want), &wanted)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSVGIsWellFormedAndNamesEverything(t *testing.T) {
	var out bytes.Buffer
	if err := summarize(t).WriteSVG(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range append([]string{"Reviews", "h2 reviews/s", "h2 p99", "10 KB"}, layout.Contestants...) {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the plot", want)
		}
	}
	for decoder := xml.NewDecoder(&out); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMetricThatIsToldAlone(t *testing.T) {
	alone := layout
	alone.Metrics = []Metric{layout.Metrics[0], {Name: "latency_p99_seconds", Title: "p99", Format: Seconds, Alone: true}}
	r, err := Summarize(alone, samples())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "p99") || strings.Contains(text, "dicer: p99") || strings.Contains(text, "0.50x") {
		t.Errorf("want no ratio of p99 in\n%s", text)
	}
}

func TestAResultOfNothingIsWritten(t *testing.T) {
	r, err := Summarize(layout, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.WriteText(io.Discard), r.WriteJSON(io.Discard), r.WriteSVG(io.Discard)); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotCompared(t *testing.T) {
	other := layout
	other.Subject = "nobody"
	for name, tc := range map[string]struct {
		layout Layout
		sample Sample
		want   string
	}{
		"a subject that is no contestant": {other, sample(0, "2 KB", "allow", 1, 1), `subject "nobody"`},
		"a sample of somebody else":       {layout, sample(0, "2 KB", "nobody", 1, 1), `a sample of "nobody"`},
		"a cell of another shape":         {layout, Sample{Cell: Cell{"h2"}, Contestant: "allow"}, "1 dimensions"},
	} {
		if _, err := Summarize(tc.layout, []Sample{tc.sample}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v; want %q", name, err, tc.want)
		}
	}
}

func TestValuesForPeople(t *testing.T) {
	for want, got := range map[string]string{
		"1.50 µs": Seconds(1.5e-6), "999 µs": Seconds(999e-6), "12.3 ms": Seconds(0.0123), "1.00 s": Seconds(1),
		"98 %": Percent(0.984), "9.99": PerSecond(9.99), "12.3": PerSecond(12.34), "12346": PerSecond(12345.6),
	} {
		if got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}
