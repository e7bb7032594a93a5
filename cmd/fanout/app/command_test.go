package app

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/internal/command/commandtest"
)

var construct = commandtest.Constructor[Options](newCommand)

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
	got, err := construct.Execute(t, env, "--leader-elect-retry-period=7s")
	if err != nil {
		t.Fatal(err)
	}
	if got.Log.Level == nil {
		t.Error("no log level")
	}
	got.Log = NewOptions().Log
	want := &Options{
		Kubeconfig: "/k", Endpoints: command.Endpoints{HealthProbeBindAddress: ":1", MetricsBindAddress: "0"}, Architectures: "amd64,ppc64le",
		GoldenImagesNamespace: "golden", TargetNamespaces: []string{"a", "b"}, SSPNamespaces: []string{"c", "d"},
		Templates: "all", RecreateDelay: time.Minute,
		LeaderElection: LeaderElection{
			ResourceNamespace: "leases", LeaseDuration: 40 * time.Second, RenewDeadline: 30 * time.Second, RetryPeriod: 7 * time.Second,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	construct.Names(t, env)
}

func TestInvalidValuesAreRefusedWithTheFlagsName(t *testing.T) {
	construct.Refuses(t, map[string]commandtest.Refusal{
		"addresses":               {Args: []string{"--health-probe-bind-address=8081", "--metrics-bind-address=x"}, Want: []string{`"8081" for --health-probe-bind-address`, `"x" for --metrics-bind-address`}},
		"one address twice":       {Args: []string{"--health-probe-bind-address=:1", "--metrics-bind-address=:1"}, Want: []string{"--metrics-bind-address: want another one"}},
		"architectures":           {Args: []string{"--architectures=amd64,"}, Want: []string{`"amd64," for --architectures`}},
		"no namespace":            {Args: []string{"--golden-images-namespace="}, Want: []string{`"" for --golden-images-namespace`}},
		"namespaces":              {Args: []string{"--target-namespaces=a,B", "--ssp-namespaces=c_d"}, Want: []string{`"B" for --target-namespaces`, `"c_d" for --ssp-namespaces`}},
		"templates":               {Args: []string{"--templates=All"}, Want: []string{`"All" for --templates: want annotated or all`}},
		"a negative delay":        {Args: []string{"--recreate-delay=-1s"}, Want: []string{`"-1s" for --recreate-delay`}},
		"no duration":             {Args: []string{"--recreate-delay=10"}, Want: []string{`"10"`, `"--recreate-delay"`}},
		"no boolean":              {Args: []string{"--leader-elect=maybe"}, Want: []string{`"maybe"`, `"--leader-elect"`}},
		"no retry period":         {Args: []string{"--leader-elect-retry-period=0s"}, Want: []string{`"0s" for --leader-elect-retry-period`}},
		"a retry period too long": {Args: []string{"--leader-elect-retry-period=9s"}, Want: []string{`"10s" for --leader-elect-renew-deadline: want more than 1.2 times --leader-elect-retry-period (9s)`}},
		"a lease too short":       {Args: []string{"--leader-elect-lease-duration=10s"}, Want: []string{`"10s" for --leader-elect-lease-duration: want more than --leader-elect-renew-deadline (10s)`}},
		"several at once":         {Args: []string{"--templates=none", "--recreate-delay=-1s", "--leader-elect-lease-duration=1s"}, Want: []string{"--templates", "--recreate-delay", "--leader-elect-lease-duration"}},
		"an environment":          {Env: map[string]string{"DICER_RECREATE_DELAY": "soon"}, Want: []string{"DICER_RECREATE_DELAY", "soon", "--recreate-delay"}},
		"a flag of the webhook":   {Args: []string{"--validation-action=Warn"}, Want: []string{"unknown flag: --validation-action"}},
	})
}

func TestTheFlagsPageTellsOfEveryFlag(t *testing.T) {
	commandtest.HasFlags(t, "Flags of the fan-out controller", newCommand(nil).Flags())
}

// declaredReason is a line of notes.go that declares a reason.
var declaredReason = regexp.MustCompile(`(?m)^\tReason\w+ +Reason = "(\w+)"$`)

func TestTroubleshootingTellsOfEveryReasonAndOfNoOther(t *testing.T) {
	notes, err := os.ReadFile("../../../pkg/fanout/notes.go")
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
	for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z]\\w+)` \\|").FindAllStringSubmatch(commandtest.Section(t, "docs/troubleshooting.md", "Events of the fan-out controller"), -1) {
		told = append(told, match[1])
	}
	slices.Sort(declared)
	slices.Sort(told)
	if diff := cmp.Diff(declared, told); diff != "" {
		t.Errorf("reasons (-notes.go +troubleshooting.md):\n%s", diff)
	}
}
