package fanout

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// Metrics tell how far the DataImportCrons are from what the SSPs ask for.
// Reconciles and requests are controller-runtime's to count.
type Metrics struct {
	wanted, present prometheus.Gauge
	failed          *prometheus.GaugeVec
	// templates and withoutNodes are of the SSPs as they are written, whether or
	// not anything is made of them.
	templates, withoutNodes *prometheus.GaugeVec
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
		wanted: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dicer_fanout_wanted",
			Help: "DataImportCrons that the SSPs ask dicer for.",
		}),
		present: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dicer_fanout_present",
			Help: "Wanted DataImportCrons that stand with the spec that is asked for.",
		}),
		failed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dicer_fanout_failed",
			Help: "DataImportCrons and DataSources that cannot be as they are asked for, by the reason of the event on the SSP.",
		}, []string{"reason"}),
		templates: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dicer_fanout_template_warnings",
			Help: "Warnings about SSPs and their templates as they are now, by the reason of the event on the SSP.",
		}, []string{"reason"}),
		withoutNodes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dicer_fanout_templates_without_nodes",
			Help: "Templates whose list names an architecture that spec.cluster has no node of, by that architecture.",
		}, []string{"architecture"}),
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
	for _, c := range []prometheus.Collector{m.wanted, m.present, m.failed, m.templates, m.withoutNodes, m.created, m.deleted} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	for _, reason := range []string{deletedReplaced, deletedUnwanted} {
		m.deleted.WithLabelValues(reason)
	}
	return m, nil
}

// set takes the counts of an SSP; none where it is gone.
func (m *Metrics) set(key types.NamespacedName, c *counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.ssps, key)
	if c != nil {
		m.ssps[key] = *c
	}
	m.publish()
}

// reset forgets all SSPs: another process may lead now.
func (m *Metrics) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.ssps)
	m.publish()
}

func (m *Metrics) publish() {
	var wanted, present int
	failed, templates, withoutNodes := map[Reason]int{}, map[Reason]int{}, map[arch.Arch]int{}
	for _, c := range m.ssps {
		wanted += c.wanted
		present += c.present
		addTo(failed, c.failed)
		addTo(templates, c.templates)
		addTo(withoutNodes, c.withoutNodes)
	}
	m.wanted.Set(float64(wanted))
	m.present.Set(float64(present))
	show(m.failed, failed)
	show(m.templates, templates)
	show(m.withoutNodes, withoutNodes)
}

func addTo[K comparable](sum, more map[K]int) {
	for k, n := range more {
		sum[k] += n
	}
}

// show has a gauge say these counts and no others.
func show[K ~string](gauge *prometheus.GaugeVec, counts map[K]int) {
	gauge.Reset()
	for k, n := range counts {
		gauge.WithLabelValues(string(k)).Set(float64(n))
	}
}
