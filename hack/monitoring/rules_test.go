package monitoring

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// healthy is what Prometheus has of an installation in which nothing is wrong: a
// sample a minute, as promtool's tests write them.
var healthy = map[string]string{
	`up{job="dicer-webhook",namespace="d",pod="w1"}`:                                                                                                             "1x3000",
	`up{job="dicer-webhook",namespace="d",pod="w2"}`:                                                                                                             "1x3000",
	`up{job="dicer-fanout",namespace="d",pod="f1"}`:                                                                                                              "1x3000",
	`up{job="dicer-fanout",namespace="d",pod="f2"}`:                                                                                                              "1x3000",
	`leader_election_master_status{job="dicer-fanout",namespace="d",pod="f1",name="dicer-fanout"}`:                                                               "1x3000",
	`leader_election_master_status{job="dicer-fanout",namespace="d",pod="f2",name="dicer-fanout"}`:                                                               "0x3000",
	`dicer_certificate_expiry_timestamp_seconds{job="dicer-webhook",namespace="d",pod="w1"}`:                                                                     days(30),
	`dicer_certificate_expiry_timestamp_seconds{job="dicer-webhook",namespace="d",pod="w2"}`:                                                                     days(30),
	`dicer_admission_decisions_total{job="dicer-webhook",namespace="d",pod="w1",webhook="/validate/ssp",operation="CREATE",decision="deny"}`:                     "0x3000",
	`dicer_admission_decisions_total{job="dicer-webhook",namespace="d",pod="w1",webhook="/validate/ssp",operation="CREATE",decision="allow"}`:                    "0+20x3000",
	`controller_runtime_reconcile_errors_total{job="dicer-fanout",namespace="d",pod="f1",controller="fanout"}`:                                                   "0x3000",
	`dicer_fanout_wanted{job="dicer-fanout",namespace="d",pod="f1"}`:                                                                                             "4x3000",
	`dicer_fanout_wanted{job="dicer-fanout",namespace="d",pod="f2"}`:                                                                                             "0x3000",
	`dicer_fanout_present{job="dicer-fanout",namespace="d",pod="f1"}`:                                                                                            "4x3000",
	`dicer_fanout_present{job="dicer-fanout",namespace="d",pod="f2"}`:                                                                                            "0x3000",
	`apiserver_admission_webhook_rejection_count{name="validate.ssp.dicer.dev",type="validating",operation="CREATE",error_type="no_error",rejection_code="422"}`: "0+1x3000",
}

// days are samples of a certificate that ends on this day of the test, which begins
// in 1970.
func days(n int) string { return fmt.Sprintf("%dx3000", n*24*60*60) }

// The series that the cases change.
const (
	w1       = `up{job="dicer-webhook",namespace="d",pod="w1"}`
	w2       = `up{job="dicer-webhook",namespace="d",pod="w2"}`
	f1       = `up{job="dicer-fanout",namespace="d",pod="f1"}`
	f2       = `up{job="dicer-fanout",namespace="d",pod="f2"}`
	leads1   = `leader_election_master_status{job="dicer-fanout",namespace="d",pod="f1",name="dicer-fanout"}`
	leads2   = `leader_election_master_status{job="dicer-fanout",namespace="d",pod="f2",name="dicer-fanout"}`
	ends1    = `dicer_certificate_expiry_timestamp_seconds{job="dicer-webhook",namespace="d",pod="w1"}`
	ends2    = `dicer_certificate_expiry_timestamp_seconds{job="dicer-webhook",namespace="d",pod="w2"}`
	denied   = `dicer_admission_decisions_total{job="dicer-webhook",namespace="d",pod="w1",webhook="/validate/ssp",operation="CREATE",decision="deny"}`
	wouldBe  = `dicer_admission_decisions_total{job="dicer-webhook",namespace="d",pod="w1",webhook="/validate/ssp",operation="CREATE",decision="warn"}`
	errors   = `controller_runtime_reconcile_errors_total{job="dicer-fanout",namespace="d",pod="f1",controller="fanout"}`
	wanted   = `dicer_fanout_wanted{job="dicer-fanout",namespace="d",pod="f1"}`
	present  = `dicer_fanout_present{job="dicer-fanout",namespace="d",pod="f1"}`
	foreign  = `dicer_fanout_failed{job="dicer-fanout",namespace="d",pod="f1",reason="Foreign"}`
	badList  = `dicer_fanout_template_warnings{job="dicer-fanout",namespace="d",pod="f1",reason="InvalidList"}`
	meant    = `dicer_fanout_template_warnings{job="dicer-fanout",namespace="d",pod="f1",reason="TemplateWarning"}`
	noNodes  = `dicer_fanout_templates_without_nodes{job="dicer-fanout",namespace="d",pod="f1",architecture="s390x"}`
	refused  = `controller_runtime_webhook_requests_total{job="dicer-webhook",namespace="d",pod="w1",webhook="/validate/ssp",code="503"}`
	answered = `controller_runtime_webhook_requests_total{job="dicer-webhook",namespace="d",pod="w1",webhook="/validate/ssp",code="200"}`
	lost     = `apiserver_admission_webhook_rejection_count{name="mutate.dataimportcron.dicer.dev",type="admit",operation="CREATE",error_type="calling_webhook_error",rejection_code="500"}`
	lostElse = `apiserver_admission_webhook_rejection_count{name="validate.example.com",type="validating",operation="CREATE",error_type="calling_webhook_error",rejection_code="500"}`
)

// The alerts that the cases expect, as Prometheus sends them.
const (
	webhookDown     = `{alertname="DicerWebhookDown", severity="critical"}`
	callsFail       = `{alertname="DicerWebhookCallsFail", name="mutate.dataimportcron.dicer.dev", severity="critical"}`
	refuses         = `{alertname="DicerWebhookRefuses", code="503", namespace="d", severity="warning"}`
	rising          = `{alertname="DicerRejectionsRising", namespace="d", severity="warning", webhook="/validate/ssp"}`
	endsInTwoWeeks  = `{alertname="DicerCertificateExpiring", job="dicer-webhook", namespace="d", pod="w1", severity="warning"}`
	endsInThreeDays = `{alertname="DicerCertificateExpiring", job="dicer-webhook", namespace="d", pod="w1", severity="critical"}`
	fanoutDown      = `{alertname="DicerFanoutDown", namespace="d", severity="warning"}`
	fanoutErrors    = `{alertname="DicerFanoutErrors", namespace="d", severity="warning"}`
	failsForeign    = `{alertname="DicerFanoutFailing", namespace="d", reason="Foreign", severity="warning"}`
	failsList       = `{alertname="DicerFanoutFailing", namespace="d", reason="InvalidList", severity="warning"}`
	behind          = `{alertname="DicerFanoutBehind", namespace="d", severity="warning"}`
	withoutNodes    = `{alertname="DicerArchitectureWithoutNodes", architecture="s390x", namespace="d", severity="info"}`
	gone            = ""
)

func replicaDown(component, pod string) string {
	return fmt.Sprintf(`{alertname="DicerReplicaDown", job="dicer-%s", namespace="d", pod=%q, severity="warning"}`, component, pod)
}

// at are the alerts that fire so long after the test's begin, and no others do.
type at map[time.Duration][]string

var cases = []struct {
	name   string
	change map[string]string
	want   at
	// from is when rules are looked at first, for tests that take days.
	from time.Duration
}{
	{name: "nothing is wrong", want: at{10 * time.Minute: nil, 2 * time.Hour: nil, 26 * time.Hour: nil}, from: 0},

	{name: "no webhook answers", change: map[string]string{w1: "1x9 0x100", w2: "1x9 0x100"},
		want: at{14 * time.Minute: nil, 15 * time.Minute: {webhookDown}, time.Hour: {webhookDown, replicaDown("webhook", "w1"), replicaDown("webhook", "w2")}}},
	{name: "no webhook is there", change: map[string]string{w1: "1x9 _x100", w2: "1x9 _x100", ends1: "2592000x9", ends2: "2592000x9", denied: "0x9"},
		want: at{14 * time.Minute: nil, 25 * time.Minute: {webhookDown}}},
	{name: "the webhook was never there", change: map[string]string{w1: gone, w2: gone}, want: at{4 * time.Minute: nil, 5 * time.Minute: {webhookDown}}},
	{name: "one of two webhooks is lost", change: map[string]string{w2: "1x9 0x100"}, want: at{19 * time.Minute: nil, 20 * time.Minute: {replicaDown("webhook", "w2")}}},
	{name: "one of two webhooks goes for good", change: map[string]string{w2: "1x9"}, want: at{30 * time.Minute: nil}},
	{name: "webhooks are away for a moment", change: map[string]string{w1: "1x9 0x3 1x100", w2: "1x9 0x3 1x100"}, want: at{14 * time.Minute: nil, 20 * time.Minute: nil}},

	{name: "the API server gets no answer", change: map[string]string{lost: "0x9 1+1x60"}, want: at{12 * time.Minute: nil, 21 * time.Minute: nil, 22 * time.Minute: {callsFail}}},
	{name: "some calls fail while a replica is lost", change: map[string]string{lost: "0x9 3 5x100"}, want: at{14 * time.Minute: nil, 16 * time.Minute: nil, 18 * time.Minute: nil, 30 * time.Minute: nil}},
	{name: "the API server gets answers again", change: map[string]string{lost: "0x9 1+1x20 21x100"}, want: at{30 * time.Minute: {callsFail}, 45 * time.Minute: nil}},
	{name: "calls are refused", change: map[string]string{refused: "0x9 1+1x60", answered: "0+9x100"}, want: at{30 * time.Minute: nil, 45 * time.Minute: {refuses}}},
	{name: "a few calls are refused", change: map[string]string{refused: "0x9 1+1x8 9x100"}, want: at{30 * time.Minute: nil, time.Hour: nil}},
	{name: "it gets none of somebody else's webhook", change: map[string]string{lostElse: "0+1x100"}, want: at{time.Hour: nil}},

	{name: "rejections rise from none", change: map[string]string{denied: "0x1500 1+1x300"}, from: 24 * time.Hour,
		want: at{25 * time.Hour: nil, 25*time.Hour + 30*time.Minute: {rising}, 26 * time.Hour: {rising}}},
	{name: "rejections on the first day", change: map[string]string{denied: "0+1x300"}, want: at{15 * time.Minute: nil, 30 * time.Minute: {rising}}},
	{name: "rejections are three times what they were", change: map[string]string{denied: "0+1x1500 1501+4x300"}, from: 24 * time.Hour, want: at{25 * time.Hour: nil, 26 * time.Hour: {rising}}},
	{name: "rejections are many, and always were", change: map[string]string{denied: "0+5x3000"}, from: 24 * time.Hour, want: at{26 * time.Hour: nil, 40 * time.Hour: nil}},
	{name: "rejections double", change: map[string]string{denied: "0+1x1500 1501+2x300"}, from: 24 * time.Hour, want: at{26 * time.Hour: nil}},
	{name: "ten rejections in an hour", change: map[string]string{denied: "0x9 1+1x9 10x200"}, want: at{30 * time.Minute: nil, time.Hour: nil}},
	{name: "under Warn nothing is rejected", change: map[string]string{wouldBe: "0+5x300"}, want: at{time.Hour: nil}},

	{name: "a certificate ends in thirteen days", change: map[string]string{ends1: days(13)}, want: at{14 * time.Minute: nil, 15 * time.Minute: {endsInTwoWeeks}}},
	{name: "a certificate ends in two days", change: map[string]string{ends1: days(2)}, want: at{15 * time.Minute: {endsInTwoWeeks, endsInThreeDays}}},
	{name: "a certificate has ended", change: map[string]string{ends1: "60x3000"}, want: at{time.Hour: {endsInTwoWeeks, endsInThreeDays}}},
	{name: "no certificate is served", change: map[string]string{ends1: "0x3000"}, want: at{time.Hour: {endsInTwoWeeks, endsInThreeDays}}},
	{name: "a certificate ends in fifteen days", change: map[string]string{ends1: days(15)}, want: at{time.Hour: nil}},
	{name: "a certificate is renewed in time", change: map[string]string{ends1: "518400x9 2592000x100"}, want: at{9 * time.Minute: nil, 30 * time.Minute: nil}},

	{name: "nobody leads", change: map[string]string{leads1: "1x9 0x100"}, want: at{19 * time.Minute: nil, 20 * time.Minute: {fanoutDown}}},
	{name: "no fan-out answers", change: map[string]string{f1: "1x9 0x100", f2: "1x9 0x100", leads1: "1x9", leads2: "0x9"}, want: at{19 * time.Minute: nil, 30 * time.Minute: {fanoutDown, replicaDown("fanout", "f1"), replicaDown("fanout", "f2")}}},
	{name: "the other one leads", change: map[string]string{leads1: "1x9 0x100", leads2: "0x11 1x100"}, want: at{30 * time.Minute: nil}},
	{name: "fan-out is not installed", change: map[string]string{f1: gone, f2: gone, leads1: gone, leads2: gone, errors: gone, wanted: gone, present: gone}, want: at{2 * time.Hour: nil}},

	{name: "fan-out cannot read", change: map[string]string{errors: "0x9 1+1x100"}, want: at{12 * time.Minute: nil, 45 * time.Minute: {fanoutErrors}}},
	{name: "fan-out could not read for a minute", change: map[string]string{errors: "0x9 6x100"}, want: at{20 * time.Minute: nil, 30 * time.Minute: nil}},
	{name: "fan-out could not read twice", change: map[string]string{errors: "0x9 1 2x100"}, want: at{20 * time.Minute: nil, 30 * time.Minute: nil}},

	{name: "somebody has the name", change: map[string]string{foreign: "_x10 1x200", present: "3x3000"},
		want: at{24 * time.Minute: nil, 25 * time.Minute: {failsForeign}, 3 * time.Hour: {failsForeign}}},
	{name: "a list is wrong", change: map[string]string{badList: "1x200"}, want: at{14 * time.Minute: nil, 15 * time.Minute: {failsList}}},
	{name: "a write fails for a moment", change: map[string]string{foreign: "1x9"}, want: at{9 * time.Minute: nil, 20 * time.Minute: nil}},
	{name: "a template is odd", change: map[string]string{meant: "1x200"}, want: at{2 * time.Hour: nil}},

	{name: "an old DataImportCron does not go", change: map[string]string{present: "3x3000"}, want: at{59 * time.Minute: nil, time.Hour: {behind}}},
	{name: "a DataImportCron is replaced", change: map[string]string{present: "4x9 3x9 4x100"}, want: at{90 * time.Minute: nil}},

	{name: "an architecture has no nodes", change: map[string]string{noNodes: "2x200"}, want: at{59 * time.Minute: nil, time.Hour: {withoutNodes}}},
	{name: "an architecture has nodes again", change: map[string]string{noNodes: "2x30"}, want: at{30 * time.Minute: nil, 90 * time.Minute: nil}},
}

func TestEachAlertFiresWhenItShouldAndNotOtherwise(t *testing.T) {
	groups := writeGroups(t)
	fired := map[string]bool{}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			series := maps.Clone(healthy)
			for name, values := range tc.change {
				series[name] = values
				if values == gone {
					delete(series, name)
				}
			}
			for after, alerts := range evaluate(t, groups, series, tc.from, tc.want) {
				if diff := cmp.Diff(sorted(tc.want[after]), alerts); diff != "" {
					t.Errorf("after %s (-want +firing):\n%s", after, diff)
				}
				for _, alert := range alerts {
					fired[alert] = true
				}
			}
		})
	}
	for _, rule := range alertRules(t) {
		if want := fmt.Sprintf(`{alertname=%q, `, rule.Alert); !slices.ContainsFunc(slices.Collect(maps.Keys(fired)), func(alert string) bool {
			return strings.HasPrefix(alert, want) && strings.Contains(alert, fmt.Sprintf(`severity=%q`, rule.Labels["severity"]))
		}) {
			t.Errorf("%s of severity %s: no case has it fire", rule.Alert, rule.Labels["severity"])
		}
	}
}

// evaluate returns the alerts that fire at the times that are asked for. Rules are
// looked at each minute, as long as it takes.
func evaluate(t *testing.T, groups string, series map[string]string, from time.Duration, asked at) map[time.Duration][]string {
	t.Helper()
	load := "load 1m\n"
	for _, name := range slices.Sorted(maps.Keys(series)) {
		load += "  " + name + " " + series[name] + "\n"
	}
	storage := promqltest.LoadedStorage(t, load)
	defer storage.Close()
	engine := promqltest.NewTestEngine(t, false, 0, 1_000_000)
	query := rules.EngineQueryFunc(engine, storage)
	all := loadRules(t, groups, query)
	firing := map[time.Duration][]string{}
	for after := from; after <= slices.Max(slices.Collect(maps.Keys(asked))); after += time.Minute {
		for _, rule := range all {
			if _, err := rule.Eval(t.Context(), 0, time.Unix(0, 0).Add(after), query, &url.URL{}, 0); err != nil {
				t.Fatalf("%s: %v", rule.Name(), err)
			}
		}
		if _, ok := asked[after]; ok {
			firing[after] = firingOf(t, all)
		}
	}
	return firing
}

func loadRules(t *testing.T, groups string, query rules.QueryFunc) []*rules.AlertingRule {
	t.Helper()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: query, Context: t.Context(), Logger: slog.New(slog.DiscardHandler),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Parser: parser.NewParser(parser.Options{}),
	})
	loaded, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, groups)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var all []*rules.AlertingRule
	for _, group := range loaded {
		for _, rule := range group.Rules() {
			all = append(all, rule.(*rules.AlertingRule))
		}
	}
	return all
}

// firingOf returns the labels of what fires, and looks at its texts.
func firingOf(t *testing.T, all []*rules.AlertingRule) []string {
	t.Helper()
	found := []string{}
	for _, rule := range all {
		for _, alert := range rule.ActiveAlerts() {
			if alert.State != rules.StateFiring {
				continue
			}
			found = append(found, alert.Labels.String())
			for _, name := range []string{"summary", "description"} {
				if text := alert.Annotations.Get(name); text == "" || strings.Contains(text, "<") || strings.Contains(text, "{{") || strings.Contains(text, "  ") {
					t.Errorf("%s: %s %q", alert.Labels, name, text)
				}
			}
		}
	}
	return sorted(found)
}

func sorted(alerts []string) []string {
	out := append([]string{}, alerts...)
	slices.Sort(out)
	return out
}
