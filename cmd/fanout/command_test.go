package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/internal/command/readme"
)

// execute runs the command with arguments and environment and returns the
// options that the controller would start with.
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
		"DICER_KUBECONFIG":                      "/k",
		"DICER_HEALTH_PROBE_BIND_ADDRESS":       ":1",
		"DICER_METRICS_BIND_ADDRESS":            "0",
		"DICER_ARCHITECTURES":                   "amd64,ppc64le",
		"DICER_GOLDEN_IMAGES_NAMESPACE":         "golden",
		"DICER_TARGET_NAMESPACES":               "a,b",
		"DICER_SSP_NAMESPACES":                  "c,d",
		"DICER_TEMPLATES":                       "all",
		"DICER_RECREATE_DELAY":                  "1m",
		"DICER_LEADER_ELECT":                    "false",
		"DICER_LEADER_ELECT_RESOURCE_NAMESPACE": "leases",
		"DICER_LEADER_ELECT_LEASE_DURATION":     "40s",
		"DICER_LEADER_ELECT_RENEW_DEADLINE":     "30s",
		"DICER_LEADER_ELECT_RETRY_PERIOD":       "20s",
		"DICER_ZAP_LOG_LEVEL":                   "debug",
	}
	got, err := execute(t, env, "--leader-elect-retry-period=7s")
	if err != nil {
		t.Fatal(err)
	}
	if got.Log.Level == nil {
		t.Error("no log level")
	}
	got.Log = NewOptions().Log
	want := &Options{
		Kubeconfig: "/k", HealthProbeBindAddress: ":1", MetricsBindAddress: "0", Architectures: "amd64,ppc64le",
		GoldenImagesNamespace: "golden", TargetNamespaces: []string{"a", "b"}, SSPNamespaces: []string{"c", "d"},
		Templates: "all", RecreateDelay: time.Minute,
		LeaderElection: LeaderElection{
			ResourceNamespace: "leases", LeaseDuration: 40 * time.Second, RenewDeadline: 30 * time.Second, RetryPeriod: 7 * time.Second,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	newCommand(nil).Flags().VisitAll(func(f *pflag.Flag) {
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
		"addresses":               {args: []string{"--health-probe-bind-address=8081", "--metrics-bind-address=x"}, want: []string{`"8081" for --health-probe-bind-address`, `"x" for --metrics-bind-address`}},
		"one address twice":       {args: []string{"--health-probe-bind-address=:1", "--metrics-bind-address=:1"}, want: []string{"--metrics-bind-address: want another one"}},
		"architectures":           {args: []string{"--architectures=amd64,"}, want: []string{`"amd64," for --architectures`}},
		"no namespace":            {args: []string{"--golden-images-namespace="}, want: []string{`"" for --golden-images-namespace`}},
		"namespaces":              {args: []string{"--target-namespaces=a,B", "--ssp-namespaces=c_d"}, want: []string{`"B" for --target-namespaces`, `"c_d" for --ssp-namespaces`}},
		"templates":               {args: []string{"--templates=All"}, want: []string{`"All" for --templates: want annotated or all`}},
		"a negative delay":        {args: []string{"--recreate-delay=-1s"}, want: []string{`"-1s" for --recreate-delay`}},
		"no duration":             {args: []string{"--recreate-delay=10"}, want: []string{`"10"`, `"--recreate-delay"`}},
		"no boolean":              {args: []string{"--leader-elect=maybe"}, want: []string{`"maybe"`, `"--leader-elect"`}},
		"no retry period":         {args: []string{"--leader-elect-retry-period=0s"}, want: []string{`"0s" for --leader-elect-retry-period`}},
		"a retry period too long": {args: []string{"--leader-elect-retry-period=9s"}, want: []string{`"10s" for --leader-elect-renew-deadline: want more than 1.2 times --leader-elect-retry-period (9s)`}},
		"a lease too short":       {args: []string{"--leader-elect-lease-duration=10s"}, want: []string{`"10s" for --leader-elect-lease-duration: want more than --leader-elect-renew-deadline (10s)`}},
		"several at once":         {args: []string{"--templates=none", "--recreate-delay=-1s", "--leader-elect-lease-duration=1s"}, want: []string{"--templates", "--recreate-delay", "--leader-elect-lease-duration"}},
		"an environment":          {env: map[string]string{"DICER_RECREATE_DELAY": "soon"}, want: []string{"DICER_RECREATE_DELAY", "soon", "--recreate-delay"}},
		"a flag of the webhook":   {args: []string{"--validation-action=Warn"}, want: []string{"unknown flag: --validation-action"}},
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
	readme.HasFlags(t, "Flags of the fan-out controller", newCommand(nil).Flags())
}

// declaredReason is a line of notes.go that declares a reason.
var declaredReason = regexp.MustCompile(`(?m)^\tReason\w+ +Reason = "(\w+)"$`)

func TestTheReadmeTellsOfEveryReasonAndOfNoOther(t *testing.T) {
	notes, err := os.ReadFile("../../pkg/fanout/notes.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	for _, match := range declaredReason.FindAllStringSubmatch(string(notes), -1) {
		declared = append(declared, match[1])
	}
	if strings.Count(string(notes), "Reason = ") != len(declared) || len(declared) == 0 {
		t.Fatalf("read only %q of notes.go", declared)
	}
	var told []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z]\\w+)` \\|").FindAllStringSubmatch(readme.Section(t, "Events of the fan-out controller"), -1) {
		told = append(told, match[1])
	}
	slices.Sort(declared)
	slices.Sort(told)
	if diff := cmp.Diff(declared, told); diff != "" {
		t.Errorf("reasons (-notes.go +README.md):\n%s", diff)
	}
}
