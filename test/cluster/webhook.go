package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// requestsMetric counts the calls of each webhook path, by result.
const requestsMetric = "controller_runtime_webhook_requests_total"

// BuildWebhook builds cmd/webhook into dir and returns the binary's path.
func BuildWebhook(ctx context.Context, dir string) (string, error) {
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	binary, err := filepath.Abs(filepath.Join(dir, "webhook"))
	if err != nil {
		return "", fmt.Errorf("locating the binary of cmd/webhook: %w", err)
	}
	output, err := goCommand(ctx, root, dir, "build", "-o", binary, "./cmd/webhook").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building cmd/webhook: %w\n%s", err, output)
	}
	return binary, nil
}

// WebhookOptions are how StartWebhook runs the webhook.
type WebhookOptions struct {
	// Binary is the path of the built webhook. Required.
	Binary string
	// Certificates hold what it serves with. Required.
	Certificates *Certificates
	// LogDir is where its log is written. Required.
	LogDir string
	// ShutdownDelay is given as --shutdown-delay. Default: 0.
	ShutdownDelay time.Duration
	// Args are further flags. Default: none.
	Args []string
	// Env is its whole environment, as key=value. Default: empty.
	Env []string
}

// Webhook is a running webhook.
type Webhook struct {
	process      *process
	certificates *Certificates

	port, healthPort, metricsPort int
}

// StartWebhook starts the webhook and returns once it is ready. Cancelling ctx
// ends the start, not the webhook.
func StartWebhook(ctx context.Context, options WebhookOptions) (*Webhook, error) {
	ports, err := FreePorts(3)
	if err != nil {
		return nil, err
	}
	w := &Webhook{certificates: options.Certificates, port: ports[0], healthPort: ports[1], metricsPort: ports[2]}
	cmd := exec.Command(options.Binary, w.args(options)...)
	// Not nil, which would stand for this process's environment.
	cmd.Env = append([]string{}, options.Env...)
	w.process, err = startProcess(cmd, filepath.Join(options.LogDir, "webhook-"+strconv.Itoa(w.port)+".log"))
	if err != nil {
		return nil, err
	}
	if err := w.process.untilReady(ctx, http.DefaultClient, loopbackURL("http", w.healthPort)+"/readyz"); err != nil {
		w.Kill()
		return nil, err
	}
	return w, nil
}

func (w *Webhook) args(options WebhookOptions) []string {
	return append([]string{
		"--port=" + strconv.Itoa(w.port),
		"--cert-dir=" + options.Certificates.Dir,
		"--health-probe-bind-address=127.0.0.1:" + strconv.Itoa(w.healthPort),
		"--metrics-bind-address=127.0.0.1:" + strconv.Itoa(w.metricsPort),
		"--shutdown-delay=" + options.ShutdownDelay.String(),
	}, options.Args...)
}

// URL returns the address of a path of the webhook's TLS server.
func (w *Webhook) URL(path string) string {
	return loopbackURL("https", w.port) + path
}

// CABundle returns the CA, in PEM, that the TLS server's certificate is of.
func (w *Webhook) CABundle() []byte {
	return w.certificates.CABundle
}

// Stop asks the webhook to shut down and waits until it has. It returns how the
// webhook exited: nil for status 0. When ctx is over it is killed. Its port
// stays dead, so a configuration that points there meets no webhook.
func (w *Webhook) Stop(ctx context.Context) error {
	return w.process.stop(ctx)
}

// Kill ends the webhook without a warning.
func (w *Webhook) Kill() {
	w.process.kill()
}

// Logs returns what the webhook has logged.
func (w *Webhook) Logs() (string, error) {
	log, err := os.ReadFile(w.process.logPath)
	if err != nil {
		return "", fmt.Errorf("reading the webhook's log: %w", err)
	}
	return string(log), nil
}

// Metrics returns the webhook's metrics by name.
func (w *Webhook) Metrics(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	body, err := get(ctx, http.DefaultClient, loopbackURL("http", w.metricsPort)+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if err != nil {
		return nil, fmt.Errorf("parsing the webhook's metrics: %w", err)
	}
	return families, nil
}

// Requests returns how many calls of a path the webhook has answered. Each is
// counted a moment after its caller has the answer.
func (w *Webhook) Requests(ctx context.Context, path string) (int, error) {
	families, err := w.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, metric := range families[requestsMetric].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "webhook" && label.GetValue() == path {
				total += metric.GetCounter().GetValue()
			}
		}
	}
	return int(total), nil
}
