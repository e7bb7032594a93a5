package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// own begins the names of dicer's metrics.
const own = "dicer_"

// ofTheProcess are those of Go's and the process's metrics that the dashboard
// shows. What else there is of them is the platform's, and the Go release's.
var ofTheProcess = []string{"process_cpu_seconds_total", "process_resident_memory_bytes"}

// metric is one that is exported. hack/monitoring reads it.
type metric struct {
	Name string `json:"name"`
	// Type is counter, gauge, histogram or summary.
	Type string `json:"type"`
	Help string `json:"help"`
	// Commands are those that export it.
	Commands []string `json:"commands"`
	// Labels are the values of each label; none where they are not dicer's.
	Labels map[string][]string `json:"labels,omitempty"`
}

// catalogue is all of them, by name.
type catalogue []metric

func newCatalogue(root string, exported map[string]families) (catalogue, error) {
	values, err := valuesOf(root)
	if err != nil {
		return nil, err
	}
	known := map[string]*metric{}
	for _, command := range []string{webhook, fanout} {
		for name, family := range exported[command] {
			if isOthers(name) {
				continue
			}
			if known[name] == nil {
				known[name] = &metric{Name: name, Type: strings.ToLower(family.GetType().String()), Help: family.GetHelp(), Labels: labelsOf(family, values)}
			}
			known[name].Commands = append(known[name].Commands, command)
		}
	}
	for _, name := range ofTheProcess {
		if known[name] == nil {
			return nil, fmt.Errorf("%s is not exported", name)
		}
	}
	for at := range values {
		m := known[at.metric]
		if m == nil || m.Labels[at.label] == nil {
			return nil, fmt.Errorf("%s{%s} is not exported", at.metric, at.label)
		}
	}
	// Both are counted for the same requests, but findings only where there are any.
	known["dicer_admission_findings_total"].Labels["webhook"] = known["dicer_admission_decisions_total"].Labels["webhook"]
	var all catalogue
	for _, name := range slices.Sorted(maps.Keys(known)) {
		all = append(all, *known[name])
	}
	return all, nil
}

func isOthers(name string) bool {
	return (strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")) && !slices.Contains(ofTheProcess, name)
}

// labelsOf returns a metric's labels with the values that they may have: those of
// the source, where there is one, else those that are exported from the start.
func labelsOf(family *dto.MetricFamily, values map[source][]string) map[string][]string {
	labels := map[string][]string{}
	for _, sample := range family.GetMetric() {
		for _, label := range sample.GetLabel() {
			name := label.GetName()
			switch known := values[source{family.GetName(), name}]; {
			case known != nil:
				labels[name] = known
			case strings.HasPrefix(family.GetName(), own):
				labels[name] = append(labels[name], label.GetValue())
			default:
				labels[name] = nil
			}
		}
	}
	for name, found := range labels {
		labels[name] = slices.Compact(slices.Sorted(slices.Values(found)))
	}
	return labels
}

func (c catalogue) json() ([]byte, error) {
	encoded, err := json.MarshalIndent(c, "", "  ")
	return append(encoded, '\n'), err
}
