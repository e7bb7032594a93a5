package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/dicer-dev/dicer/test/cluster"
)

// families are metrics by name.
type families map[string]*dto.MetricFamily

// The commands, as the page names them.
const (
	webhook = "webhook"
	fanout  = "fan-out"
)

// patience bounds each wait: for a busy machine, the commands need a second.
const patience = time.Minute

// scrape runs both commands until each has had something to count, and returns
// what they export.
func scrape(ctx context.Context, dir string) (map[string]families, error) {
	ofWebhook, err := scrapeWebhook(ctx, dir)
	if err != nil {
		return nil, err
	}
	ofFanout, err := scrapeFanout(ctx, dir)
	if err != nil {
		return nil, err
	}
	return map[string]families{webhook: ofWebhook, fanout: ofFanout}, nil
}

// review is one that has a finding.
const review = `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "operation": "CREATE",
"kind": {"group": "cdi.kubevirt.io", "version": "v1beta1", "kind": "DataImportCron"},
"object": {"metadata": {"name": "a", "labels": {"template.kubevirt.io/architecture": "arn64"}}, "spec": {"managedDataSource": "a"}}}}`

func scrapeWebhook(ctx context.Context, dir string) (families, error) {
	binary, err := cluster.BuildWebhook(ctx, dir)
	if err != nil {
		return nil, err
	}
	certificates, err := cluster.NewCertificates(dir)
	if err != nil {
		return nil, err
	}
	w, err := cluster.StartWebhook(ctx, cluster.WebhookOptions{Binary: binary, Certificates: certificates, LogDir: dir})
	if err != nil {
		return nil, err
	}
	defer w.Kill()
	// Its certificate is for the Service's name.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := client.Post(w.URL("/validate/dataimportcron"), "application/json", bytes.NewReader([]byte(review)))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the webhook answers %s, %s (%v)", response.Status, answer, err)
	}
	// A request is counted a moment after its answer.
	return until(ctx, w.Command, "dicer_admission_findings_total", "controller_runtime_webhook_requests_total")
}

func scrapeFanout(ctx context.Context, dir string) (families, error) {
	binary, err := cluster.BuildFanout(ctx, dir)
	if err != nil {
		return nil, err
	}
	server := httptest.NewServer(newAPI())
	// It closes no watch by itself.
	defer server.CloseClientConnections()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, fmt.Appendf(nil, reach, server.URL), 0o600); err != nil {
		return nil, err
	}
	f, err := cluster.StartFanout(ctx, cluster.FanoutOptions{
		Binary: binary, Kubeconfig: kubeconfig, LogDir: dir, Args: []string{"--leader-elect-resource-namespace=dicer-system"},
	})
	if err != nil {
		return nil, err
	}
	defer f.Kill()
	return until(ctx, f.Command, "dicer_fanout_failed", "dicer_fanout_template_warnings", "dicer_fanout_templates_without_nodes",
		"leader_election_master_status", "controller_runtime_reconcile_time_seconds")
}

const reach = `
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: %q}}]
contexts: [{name: a, context: {cluster: a}}]
current-context: a
`

// until returns the metrics once these are among them.
func until(ctx context.Context, c *cluster.Command, names ...string) (families, error) {
	var found families
	err := cluster.Eventually(ctx, patience, func(ctx context.Context) (err error) {
		if found, err = c.Metrics(ctx); err != nil {
			return err
		}
		for _, name := range names {
			if found[name] == nil {
				return fmt.Errorf("%s is not exported", name)
			}
		}
		return nil
	})
	if err != nil {
		log, _ := c.Logs() // what cannot be read is left out
		return nil, fmt.Errorf("%w; its log:\n%s", err, log)
	}
	return found, nil
}
