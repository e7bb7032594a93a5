package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
	"github.com/dicer-dev/dicer/test/mutatingpolicy"
)

const (
	// golden is where DataImportCrons are written; sspNamespace, SSPs.
	golden       = "kubevirt-os-images"
	sspNamespace = "kubevirt"
	// ignored is labelled as an administrator does who wants dicer to look away.
	ignored = "restored"
)

// env is what all tests share: one API server, one webhook process.
var env struct {
	*cluster.Cluster
	webhook      *cluster.Webhook
	options      cluster.WebhookOptions
	client       client.Client
	warnings     *recorder
	auditLogPath string
}

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	log.SetLogger(logr.Discard())
	dir, err := os.MkdirTemp("", "dicer-e2e-")
	if err != nil {
		return 1, err
	}
	return cluster.RunTests(
		func(ctx context.Context) error { return start(ctx, dir) },
		func() int {
			code := m.Run()
			if err := noConditionFailed(); err != nil {
				fmt.Fprintln(os.Stderr, "e2e:", err)
				code = 1
			}
			if log, err := env.webhook.Logs(); code != 0 && err == nil {
				fmt.Fprintf(os.Stderr, "the webhook's log:\n%s", log)
			}
			return code
		},
		func() error {
			if env.webhook != nil {
				env.webhook.Kill()
			}
			var stopErr error
			if env.Cluster != nil {
				stopErr = env.Stop()
			}
			return errors.Join(stopErr, os.RemoveAll(dir))
		})
}

func start(ctx context.Context, dir string) error {
	if err := startCluster(ctx, dir); err != nil {
		return err
	}
	if err := createBeforeInstall(ctx); err != nil {
		return fmt.Errorf("creating what is invalid before the webhooks are installed: %w", err)
	}
	return startWebhook(ctx, dir)
}

func startCluster(ctx context.Context, dir string) error {
	policy := filepath.Join(dir, "audit-policy.yaml")
	env.auditLogPath = filepath.Join(dir, "audit.log")
	rules := `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete]
  resources: [{group: cdi.kubevirt.io}, {group: ssp.kubevirt.io}, {group: hco.kubevirt.io}]
- level: None
`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		return err
	}
	var err error
	flags := mutatingpolicy.APIServerFlags()
	flags["audit-policy-file"] = policy
	flags["audit-log-path"] = env.auditLogPath
	// In MiB. By default a new file is begun after 100, and tests read one.
	flags["audit-log-maxsize"] = "100000"
	env.Cluster, err = cluster.Start(ctx, cluster.Options{CRDs: crds.All(), APIServerFlags: flags})
	if err != nil {
		return err
	}
	for name, labels := range map[string]map[string]string{
		golden: nil, sspNamespace: nil, ignored: {"dicer.dev/admission": "ignore"},
	} {
		if err := env.Namespace(ctx, name, labels); err != nil {
			return err
		}
	}
	env.warnings = &recorder{}
	env.client, err = newClient(func(*rest.Config) {})
	return err
}

// newClient makes a client whose warnings are recorded.
func newClient(change func(*rest.Config)) (client.Client, error) {
	config := rest.CopyConfig(env.Config)
	config.WarningHandlerWithContext = env.warnings
	change(config)
	return client.New(config, client.Options{})
}

func startWebhook(ctx context.Context, dir string) error {
	binary, err := cluster.BuildWebhook(ctx, dir)
	if err != nil {
		return err
	}
	certificates, err := cluster.NewCertificates(filepath.Join(dir, "certs"))
	if err != nil {
		return err
	}
	environment, err := env.WebhookEnvironment(ctx)
	if err != nil {
		return err
	}
	env.options = cluster.WebhookOptions{Binary: binary, Certificates: certificates, LogDir: dir, Env: environment}
	if env.webhook, err = cluster.StartWebhook(ctx, env.options); err != nil {
		return err
	}
	return env.InstallWebhooks(ctx, env.webhook)
}

// withWebhook installs another process of the webhook for the time of a test.
func withWebhook(t *testing.T, change func(*cluster.WebhookOptions)) *cluster.Webhook {
	t.Helper()
	options := env.options
	change(&options)
	other, err := cluster.StartWebhook(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.InstallWebhooks(context.Background(), env.webhook); err != nil {
			t.Errorf("installing the first webhook again: %v", err)
		}
		other.Kill()
	})
	if err := env.InstallWebhooks(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	return other
}
