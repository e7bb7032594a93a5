package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dicer-dev/dicer/test/cluster"
)

// asCommand makes the test binary the command.
const asCommand = "RUN_AS_COMMAND"

// webhook is the command, as it is started with its defaults, and logs all it can.
var webhook *cluster.Webhook

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "dicer-webhook-")
	if err != nil {
		return 1, err
	}
	return cluster.RunTests(
		func(ctx context.Context) error { return start(ctx, dir) },
		m.Run,
		func() error {
			if webhook != nil {
				webhook.Kill()
			}
			return os.RemoveAll(dir)
		})
}

func start(ctx context.Context, dir string) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	certificates, err := cluster.NewCertificates(dir)
	if err != nil {
		return err
	}
	webhook, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{
		Binary: binary, Certificates: certificates, LogDir: dir, Env: []string{asCommand + "=1"}, Args: []string{"--zap-log-level=10"},
	})
	return err
}

// address is where it serves TLS.
func address() string { return strings.TrimPrefix(webhook.URL(""), "https://") }
