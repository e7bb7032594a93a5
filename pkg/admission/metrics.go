package admission

import (
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// Metrics counts what the rules decided. Requests and their duration are
// controller-runtime's to count.
type Metrics struct {
	decisions *prometheus.CounterVec
	findings  *prometheus.CounterVec
}

// NewMetrics registers the metrics with a registry.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dicer_admission_decisions_total",
			Help: "Admission requests by webhook path, operation and decision (allow, patch, deny, warn, audit).",
		}, []string{"webhook", "operation", "decision"}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dicer_admission_findings_total",
			Help: "Findings by webhook path, rule and severity (error, warning).",
		}, []string{"webhook", "rule", "severity"}),
	}
	for _, c := range []prometheus.Collector{m.decisions, m.findings} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// start has each decision that a webhook may come to begin at zero: Prometheus sees
// no increase in a counter that begins with its first rejection.
func (m *Metrics) start(webhook string) {
	if m == nil {
		return
	}
	decisions := []decision{decisionAllow, decisionDeny, decisionWarn, decisionAudit}
	if webhook == DataImportCronMutatePath {
		decisions = []decision{decisionAllow, decisionPatch}
	}
	for _, operation := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update} {
		for _, what := range decisions {
			m.decisions.WithLabelValues(webhook, string(operation), string(what))
		}
	}
}

func (m *Metrics) observe(webhook, operation string, what decision, findings arch.Findings) {
	if m == nil {
		return
	}
	m.decisions.WithLabelValues(webhook, operation, string(what)).Inc()
	type key struct {
		rule     arch.Rule
		severity arch.Severity
	}
	counts := make(map[key]int)
	for _, f := range findings {
		counts[key{f.Rule, f.Severity}]++
	}
	for k, n := range counts {
		m.findings.WithLabelValues(webhook, string(k.rule), string(k.severity)).Add(float64(n))
	}
}
