package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// Value returns the sum of a counter's or gauge's samples of the API server that
// have these labels, whatever others they have: 0 where there is none.
func (c *Cluster) Value(ctx context.Context, metric string, labels map[string]string) (float64, error) {
	client, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return 0, fmt.Errorf("making a client of the API server: %w", err)
	}
	families, err := metrics(ctx, "the API server", client, c.Config.Host)
	if err != nil {
		return 0, err
	}
	return sum(families[metric], labels)
}

func metrics(ctx context.Context, who string, client *http.Client, url string) (map[string]*dto.MetricFamily, error) {
	body, err := get(ctx, client, url+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s: %w", who, err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("parsing the metrics of %s: %w", who, err)
	}
	return families, nil
}

func sum(family *dto.MetricFamily, labels map[string]string) (float64, error) {
	if family == nil {
		return 0, nil
	}
	total := 0.0
	for _, sample := range family.GetMetric() {
		if !hasLabels(sample, labels) {
			continue
		}
		switch family.GetType() {
		case dto.MetricType_COUNTER:
			total += sample.GetCounter().GetValue()
		case dto.MetricType_GAUGE:
			total += sample.GetGauge().GetValue()
		default:
			return 0, fmt.Errorf("%s is a %s; want a counter or a gauge", family.GetName(), family.GetType())
		}
	}
	return total, nil
}

func hasLabels(sample *dto.Metric, labels map[string]string) bool {
	found := 0
	for _, label := range sample.GetLabel() {
		if value, ok := labels[label.GetName()]; ok && value == label.GetValue() {
			found++
		}
	}
	return found == len(labels)
}
