package apiserver

import (
	"github.com/dicer-dev/dicer/hack/load/report"
)

// Layout says how samples are told.
func Layout() report.Layout {
	return report.Layout{
		Title:       "Writes through an API server, by what is installed there",
		Dimensions:  []string{"write", "callers"},
		Contestants: Contestants,
		Subject:     Dicer,
		Metrics: []report.Metric{
			{Name: Throughput, Title: "writes/s", Format: report.PerSecond, Plotted: true},
			{Name: P50, Title: "p50", Format: report.Seconds, Plotted: true},
			{Name: P99, Title: "p99", Format: report.Seconds, Plotted: true},
			{Name: Calls, Title: "calls/write", Format: func(calls float64) string { return report.PerSecond(calls) }, Alone: true},
		},
	}
}
