package fanout

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// Metrics tell how far the DataImportCrons are from what the SSPs ask for.
// Reconciles and requests are controller-runtime's to count.
//
// As a collector they are the gauges, which are summed when they are asked for:
// a scrape never meets half of a change.
type Metrics struct {
	wanted, present, failed *prometheus.Desc
	// templates and withoutNodes are of the SSPs as they are written, whether or
	// not anything is made of them.
	templates, withoutNodes *prometheus.Desc
	created                 prometheus.Counter
	deleted                 *prometheus.CounterVec

	mu   sync.Mutex
	ssps map[types.NamespacedName]counts
}

// counts are those of one SSP.
type counts struct {
	wanted, present int
	failed          map[Reason]int
	// templates are the warnings about the SSP itself.
	templates map[Reason]int
	// withoutNodes are its templates, by an architecture of their lists that
	// spec.cluster has no node of.
	withoutNodes map[arch.Arch]int
}

// The reasons of a deletion.
const (
	deletedReplaced = "replaced"
	deletedUnwanted = "unwanted"
)

// NewMetrics registers the metrics with a registry.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		wanted:  gauge("dicer_fanout_wanted", "DataImportCrons that the SSPs ask dicer for."),
		present: gauge("dicer_fanout_present", "Wanted DataImportCrons that stand with the spec that is asked for."),
		failed: gauge("dicer_fanout_failed",
			"DataImportCrons and DataSources that cannot be as they are asked for, by the reason of the event on the SSP.", "reason"),
		templates: gauge("dicer_fanout_template_warnings",
			"Warnings about SSPs and their templates as they are now, by the reason of the event on the SSP.", "reason"),
		withoutNodes: gauge("dicer_fanout_templates_without_nodes",
			"Templates whose list names an architecture that spec.cluster has no node of, by that architecture.", "architecture"),
		created: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "dicer_fanout_created_total",
			Help: "DataImportCrons created.",
		}),
		deleted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dicer_fanout_deleted_total",
			Help: "DataImportCrons deleted, by reason (replaced, unwanted).",
		}, []string{"reason"}),
		ssps: map[types.NamespacedName]counts{},
	}
	for _, c := range []prometheus.Collector{m, m.created, m.deleted} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	for _, reason := range []string{deletedReplaced, deletedUnwanted} {
		m.deleted.WithLabelValues(reason)
	}
	return m, nil
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// set takes the counts of an SSP, which nobody changes from then on; none where it is
// gone.
func (m *Metrics) set(key types.NamespacedName, c *counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c == nil {
		delete(m.ssps, key)
		return
	}
	m.ssps[key] = *c
}

// reset forgets all SSPs: another process may lead now.
func (m *Metrics) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.ssps)
}

// Describe is of the gauges.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{m.wanted, m.present, m.failed, m.templates, m.withoutNodes} {
		out <- desc
	}
}

// Collect sums the gauges over all SSPs.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var wanted, present int
	failed, templates, withoutNodes := map[Reason]int{}, map[Reason]int{}, map[arch.Arch]int{}
	for _, c := range m.ssps {
		wanted += c.wanted
		present += c.present
		addTo(failed, c.failed)
		addTo(templates, c.templates)
		addTo(withoutNodes, c.withoutNodes)
	}
	show(out, m.wanted, wanted)
	show(out, m.present, present)
	showBy(out, m.failed, failed)
	showBy(out, m.templates, templates)
	showBy(out, m.withoutNodes, withoutNodes)
}

func addTo[K comparable](sum, more map[K]int) {
	for k, n := range more {
		sum[k] += n
	}
}

func show(out chan<- prometheus.Metric, gauge *prometheus.Desc, count int, labels ...string) {
	out <- prometheus.MustNewConstMetric(gauge, prometheus.GaugeValue, float64(count), labels...)
}

// showBy shows counts by the value of a gauge's label.
func showBy[K ~string](out chan<- prometheus.Metric, gauge *prometheus.Desc, counts map[K]int) {
	for k, n := range counts {
		show(out, gauge, n, string(k))
	}
}
