package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/internal/command/readme"
)

// execute runs the command with arguments and environment and returns the
// options that the server would start with.
func execute(t *testing.T, env map[string]string, args ...string) (*Options, error) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	var got *Options
	cmd := newCommand(func(_ context.Context, o *Options) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	err := cmd.Execute()
	return got, err
}

func TestEachFlagIsReadFromTheEnvironmentToo(t *testing.T) {
	env := map[string]string{
		"DICER_PORT":                      "10250",
		"DICER_CERT_DIR":                  "/certs",
		"DICER_TLS_MIN_VERSION":           "VersionTLS12",
		"DICER_HEALTH_PROBE_BIND_ADDRESS": ":1",
		"DICER_METRICS_BIND_ADDRESS":      "0",
		"DICER_SHUTDOWN_DELAY":            "1m",
		"DICER_ARCHITECTURES":             "amd64,ppc64le",
		"DICER_VALIDATION_ACTION":         "Audit",
		"DICER_GOLDEN_IMAGES_NAMESPACE":   "golden",
		"DICER_SSP_OPERATOR_USERS":        "a,b",
		"DICER_ZAP_LOG_LEVEL":             "debug",
	}
	got, err := execute(t, env, "--port=9444")
	if err != nil {
		t.Fatal(err)
	}
	if got.Port != 9444 {
		t.Errorf("port %d: the command line does not win", got.Port)
	}
	if got.CertDir != "/certs" || got.TLSMinVersion != "VersionTLS12" || got.HealthProbeBindAddress != ":1" ||
		got.MetricsBindAddress != "0" || got.ShutdownDelay != time.Minute || got.Architectures != "amd64,ppc64le" ||
		got.ValidationAction != "Audit" || got.GoldenImagesNamespace != "golden" ||
		!slices.Equal(got.SSPOperatorUsers, []string{"a", "b"}) || got.Log.Level == nil {
		t.Errorf("got %+v", got)
	}
	flags := newCommand(nil).Flags()
	flags.VisitAll(func(f *pflag.Flag) {
		if _, ok := env[command.EnvName(f.Name)]; !ok && !strings.HasPrefix(f.Name, "zap-") {
			t.Errorf("--%s: not tried from the environment", f.Name)
		}
	})
}

func TestInvalidValuesAreRefusedWithTheFlagsName(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		want []string
	}{
		"no number":         {args: []string{"--port=x"}, want: []string{`"x"`, `"--port"`}},
		"a port too high":   {args: []string{"--port=65536"}, want: []string{`"65536" for --port: want 1 to 65535`}},
		"several at once":   {args: []string{"--validation-action=deny", "--architectures=amd64,", "--tls-min-version=1.3"}, want: []string{`"deny" for --validation-action: want Deny, Warn or Audit`, "--architectures", `"1.3" for --tls-min-version`}},
		"addresses":         {args: []string{"--health-probe-bind-address=8081", "--metrics-bind-address=x"}, want: []string{"--health-probe-bind-address", "--metrics-bind-address"}},
		"one address twice": {args: []string{"--health-probe-bind-address=:1", "--metrics-bind-address=:1"}, want: []string{"--metrics-bind-address: want another one"}},
		"a negative delay":  {args: []string{"--shutdown-delay=-1s"}, want: []string{"--shutdown-delay"}},
		"no namespace":      {args: []string{"--golden-images-namespace=", "--cert-dir="}, want: []string{"--golden-images-namespace", "--cert-dir"}},
		"an environment":    {env: map[string]string{"DICER_SHUTDOWN_DELAY": "soon"}, want: []string{"DICER_SHUTDOWN_DELAY", "soon", "--shutdown-delay"}},
		"an unknown flag":   {args: []string{"--kubeconfig=x"}, want: []string{"unknown flag: --kubeconfig"}},
		"an argument":       {args: []string{"serve"}, want: []string{`"serve"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := execute(t, tc.env, tc.args...)
			if err == nil || got != nil {
				t.Fatalf("started with %+v", got)
			}
			for _, text := range tc.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q lacks %q", err, text)
				}
			}
		})
	}
}

func TestTheReadmeTellsOfEveryFlag(t *testing.T) {
	readme.HasFlags(t, "Flags of the webhook", newCommand(nil).Flags())
}
