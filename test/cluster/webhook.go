package cluster

import (
	"context"
	"encoding/base64"
	"net"
	"strconv"
	"time"
)

// requestsMetric counts the calls of each webhook path, by result.
const requestsMetric = "controller_runtime_webhook_requests_total"

// BuildWebhook builds the webhook into dir and returns the binary's path.
func BuildWebhook(ctx context.Context, dir string) (string, error) {
	return buildCommand(ctx, "webhook", dir)
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

// Webhook is a running webhook. Its port stays dead once it was stopped, so a
// configuration that points there meets no webhook.
type Webhook struct {
	*Command
	certificates *Certificates
	port         int
}

// StartWebhook starts the webhook and returns once it is ready. Cancelling ctx
// ends the start, not the webhook.
func StartWebhook(ctx context.Context, options WebhookOptions) (*Webhook, error) {
	ports, err := FreePorts(3)
	if err != nil {
		return nil, err
	}
	command, err := startCommand(ctx, commandLine{
		binary: options.Binary, logDir: options.LogDir, healthPort: ports[1], metricsPort: ports[2], env: options.Env,
		args: append([]string{
			"--port=" + strconv.Itoa(ports[0]),
			"--cert-dir=" + options.Certificates.Dir,
			"--shutdown-delay=" + options.ShutdownDelay.String(),
		}, options.Args...),
	})
	if err != nil {
		return nil, err
	}
	return &Webhook{Command: command, certificates: options.Certificates, port: ports[0]}, nil
}

// URL returns the address of a path of the webhook's TLS server.
func (w *Webhook) URL(path string) string {
	return loopbackURL("https", w.port) + path
}

// Port returns the TLS server's port.
func (w *Webhook) Port() string {
	return strconv.Itoa(w.port)
}

// Address returns the TLS server's, as host:port.
func (w *Webhook) Address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(w.port))
}

func (w *Webhook) clientConfig(path string) map[string]any {
	return map[string]any{"url": w.URL(path), "caBundle": base64.StdEncoding.EncodeToString(w.CABundle())}
}

// CABundle returns the CA, in PEM, that the TLS server's certificate is of.
func (w *Webhook) CABundle() []byte {
	return w.certificates.CABundle
}

// Requests returns how many calls of a path the webhook has answered. Each is
// counted a moment after its caller has the answer.
func (w *Webhook) Requests(ctx context.Context, path string) (int, error) {
	count, err := w.Value(ctx, requestsMetric, map[string]string{"webhook": path})
	return int(count), err
}
