package apiserver

import (
	"strconv"

	"github.com/dicer-dev/dicer/hack/load/report"
)

// Metrics of a sample.
const (
	throughput = "throughput_per_second"
	p50        = "latency_p50_seconds"
	p99        = "latency_p99_seconds"
	calls      = "webhook_calls_per_write"
)

var layout = report.Layout{
	Title:       "Writes through an API server, by what is installed there",
	Dimensions:  []string{"write", "callers"},
	Contestants: contestants,
	Subject:     dicer,
	Metrics: []report.Metric{
		{Name: throughput, Title: "writes/s", Format: report.PerSecond, Plotted: true},
		{Name: p50, Title: "p50", Format: report.Seconds, Plotted: true},
		{Name: p99, Title: "p99", Format: report.Seconds, Plotted: true},
		{Name: calls, Title: "calls/write", Format: func(calls float64) string { return strconv.FormatFloat(calls, 'g', 3, 64) }, Alone: true},
	},
}
