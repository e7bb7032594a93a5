package app

import (
	"slices"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/internal/command/commandtest"
)

var construct = commandtest.Constructor[Options](newCommand)

func TestEachFlagIsReadFromTheEnvironmentToo(t *testing.T) {
	env := map[string]string{
		"DICER_PORT":                      "10250",
		"DICER_CERT_DIR":                  "/certs",
		"DICER_TLS_MIN_VERSION":           "VersionTLS12",
		"DICER_CLIENT_CA_FILE":            "/ca.crt",
		"DICER_CLIENT_ALLOWED_NAMES":      "c,d",
		"DICER_HEALTH_PROBE_BIND_ADDRESS": ":1",
		"DICER_METRICS_BIND_ADDRESS":      "0",
		"DICER_SHUTDOWN_DELAY":            "1m",
		"DICER_SHUTDOWN_TIMEOUT":          "2m",
		"DICER_ARCHITECTURES":             "amd64,ppc64le",
		"DICER_VALIDATION_ACTION":         "Audit",
		"DICER_GOLDEN_IMAGES_NAMESPACE":   "golden",
		"DICER_SSP_OPERATOR_USERS":        "a,b",
		"DICER_ZAP_LOG_LEVEL":             "debug",
	}
	got, err := construct.Execute(t, env, "--port=9444")
	if err != nil {
		t.Fatal(err)
	}
	if got.Port != 9444 {
		t.Errorf("port %d: the command line does not win", got.Port)
	}
	if got.CertDir != "/certs" || got.TLSMinVersion != "VersionTLS12" || got.HealthProbeBindAddress != ":1" ||
		got.MetricsBindAddress != "0" || got.ShutdownDelay != time.Minute || got.ShutdownTimeout != 2*time.Minute || got.Architectures != "amd64,ppc64le" ||
		got.ValidationAction != "Audit" || got.GoldenImagesNamespace != "golden" ||
		got.ClientCAFile != "/ca.crt" || !slices.Equal(got.ClientAllowedNames, []string{"c", "d"}) ||
		!slices.Equal(got.SSPOperatorUsers, []string{"a", "b"}) || got.Log.Level == nil {
		t.Errorf("got %+v", got)
	}
	construct.Names(t, env)
}

func TestInvalidValuesAreRefusedWithTheFlagsName(t *testing.T) {
	construct.Refuses(t, map[string]commandtest.Refusal{
		"no number":         {Args: []string{"--port=x"}, Want: []string{`"x"`, `"--port"`}},
		"a port too high":   {Args: []string{"--port=65536"}, Want: []string{`"65536" for --port: want 1 to 65535`}},
		"several at once":   {Args: []string{"--validation-action=deny", "--architectures=amd64,", "--tls-min-version=1.3"}, Want: []string{`"deny" for --validation-action: want Deny, Warn or Audit`, "--architectures", `"1.3" for --tls-min-version`}},
		"addresses":         {Args: []string{"--health-probe-bind-address=8081", "--metrics-bind-address=x"}, Want: []string{"--health-probe-bind-address", "--metrics-bind-address"}},
		"one address twice": {Args: []string{"--health-probe-bind-address=:1", "--metrics-bind-address=:1"}, Want: []string{"--metrics-bind-address: want another one"}},
		"a short timeout":   {Args: []string{"--shutdown-timeout=5s"}, Want: []string{"--shutdown-timeout", "5s", "10s"}},
		"a negative delay":  {Args: []string{"--shutdown-delay=-1s"}, Want: []string{"--shutdown-delay"}},
		"names without CAs": {Args: []string{"--client-allowed-names=a,b"}, Want: []string{`"a,b" for --client-allowed-names`, "--client-ca-file"}},
		"no namespace":      {Args: []string{"--golden-images-namespace=", "--cert-dir="}, Want: []string{"--golden-images-namespace", "--cert-dir"}},
		"an environment":    {Env: map[string]string{"DICER_SHUTDOWN_DELAY": "soon"}, Want: []string{"DICER_SHUTDOWN_DELAY", "soon", "--shutdown-delay"}},
		"an unknown flag":   {Args: []string{"--kubeconfig=x"}, Want: []string{"unknown flag: --kubeconfig"}},
		"an argument":       {Args: []string{"serve"}, Want: []string{`"serve"`}},
	})
}

func TestTheFlagsPageTellsOfEveryFlag(t *testing.T) {
	commandtest.HasFlags(t, "Flags of the webhook", newCommand(nil).Flags())
}
