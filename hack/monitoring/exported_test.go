package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// exported is a metric, as hack/metrics has seen it.
type exported struct {
	Name   string              `json:"name"`
	Type   string              `json:"type"`
	Labels map[string][]string `json:"labels"`
}

// ofTargets are the labels that Prometheus adds to each of a Service's metrics. The
// component of the pod is job: servicemonitor.yaml says so.
var ofTargets = map[string][]string{
	"job": {"dicer-webhook", "dicer-fanout"}, "namespace": nil, "pod": nil, "container": nil, "service": nil, "endpoint": nil, "instance": nil,
}

// ofOthers are metrics that dicer's commands do not export. That the API server
// exports its own, test/deploy sees.
var ofOthers = []exported{
	{Name: "up", Type: "gauge"},
	{Name: "apiserver_admission_webhook_rejection_count", Type: "counter", Labels: map[string][]string{
		"name": nil, "type": {"admit", "validating"}, "operation": nil, "rejection_code": nil,
		"error_type": {"calling_webhook_error", "apiserver_internal_error", "no_error"},
	}},
}

// known are all metrics by the names of their series.
func known(t *testing.T) map[string]exported {
	t.Helper()
	content, err := os.ReadFile("testdata/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []exported
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]exported{}
	for _, m := range append(all, ofOthers...) {
		if m.Labels == nil {
			m.Labels = map[string][]string{}
		}
		if m.Type != "histogram" {
			found[m.Name] = m
			continue
		}
		found[m.Name+"_sum"], found[m.Name+"_count"] = m, m
		bucket := exported{Name: m.Name, Type: m.Type, Labels: map[string][]string{"le": nil}}
		for label, values := range m.Labels {
			bucket.Labels[label] = values
		}
		found[m.Name+"_bucket"] = bucket
	}
	return found
}

// check returns what an expression names and nobody exports.
func check(expression string, all map[string]exported) []string {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			problems = append(problems, checkSelector(n, all)...)
		case *parser.AggregateExpr:
			problems = append(problems, checkLabels(n, n.Grouping, all)...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				problems = append(problems, checkLabels(n, n.VectorMatching.MatchingLabels, all)...)
			}
		case *parser.Call:
			problems = append(problems, checkCall(n, all)...)
		}
		return nil
	})
	return problems
}

func checkSelector(s *parser.VectorSelector, all map[string]exported) []string {
	m, ok := all[s.Name]
	if !ok {
		return []string{fmt.Sprintf("%s is not exported", s.Name)}
	}
	var problems []string
	for _, matcher := range s.LabelMatchers {
		if matcher.Name == model.MetricNameLabel {
			continue
		}
		values, ok := valuesOf(m, matcher.Name)
		if !ok {
			problems = append(problems, fmt.Sprintf("%s has no label %s", s.Name, matcher.Name))
			continue
		}
		for _, value := range alternatives(matcher) {
			if values != nil && !slices.Contains(values, value) {
				problems = append(problems, fmt.Sprintf("%s{%s} is never %q", s.Name, matcher.Name, value))
			}
		}
	}
	return problems
}

// alternatives are the values that a matcher names: none where it is a pattern, or
// one of Grafana's variables.
func alternatives(matcher *labels.Matcher) []string {
	words := strings.Split(matcher.Value, "|")
	if slices.ContainsFunc(words, func(word string) bool { return regexp.QuoteMeta(word) != word }) {
		return nil
	}
	return words
}

// valuesOf returns a label's values, nil where they are not known.
func valuesOf(m exported, label string) (values []string, ok bool) {
	if values, ok = m.Labels[label]; ok {
		return values, true
	}
	values, ok = ofTargets[label]
	return values, ok && !strings.HasPrefix(m.Name, "apiserver_")
}

// checkLabels looks for labels that nothing beneath a node has.
func checkLabels(node parser.Node, names []string, all map[string]exported) []string {
	var problems []string
	for _, name := range names {
		found := false
		parser.Inspect(node, func(inner parser.Node, _ []parser.Node) error {
			if s, ok := inner.(*parser.VectorSelector); ok {
				if _, ok := valuesOf(all[s.Name], name); ok {
					found = true
				}
			}
			return nil
		})
		if !found {
			problems = append(problems, fmt.Sprintf("nothing in %s has label %s", node, name))
		}
	}
	return problems
}

// checkCall looks at what is counted: an increase of a gauge is nothing.
func checkCall(call *parser.Call, all map[string]exported) []string {
	if call.Func.Name != "rate" && call.Func.Name != "increase" {
		return nil
	}
	var problems []string
	parser.Inspect(call, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok && all[s.Name].Type == "gauge" {
			problems = append(problems, fmt.Sprintf("%s is a gauge; %s is for counters", s.Name, call.Func.Name))
		}
		return nil
	})
	return problems
}

func TestTheRulesNameWhatIsExported(t *testing.T) {
	all := known(t)
	for _, rule := range alertRules(t) {
		for _, problem := range check(rule.Expr, all) {
			t.Errorf("%s: %s", rule.Alert, problem)
		}
	}
}

// TestWhatNobodyExportsIsTold shows that the check sees it.
func TestWhatNobodyExportsIsTold(t *testing.T) {
	all := known(t)
	for expression, want := range map[string]string{
		`dicer_fanout_nothing > 0`:                                        "dicer_fanout_nothing is not exported",
		`dicer_fanout_failed{why="Foreign"}`:                              "dicer_fanout_failed has no label why",
		`dicer_fanout_failed{reason="Alien"}`:                             `dicer_fanout_failed{reason} is never "Alien"`,
		`up{job="dicer"}`:                                                 `up{job} is never "dicer"`,
		`dicer_fanout_failed{reason=~"Alien|Odd"}`:                        `dicer_fanout_failed{reason} is never "Alien"; dicer_fanout_failed{reason} is never "Odd"`,
		`dicer_fanout_failed{reason!~"Foreign|Alien"}`:                    `dicer_fanout_failed{reason} is never "Alien"`,
		`sum by (why) (dicer_fanout_failed)`:                              "nothing in sum by (why) (dicer_fanout_failed) has label why",
		`rate(dicer_fanout_wanted[5m])`:                                   "dicer_fanout_wanted is a gauge; rate is for counters",
		`controller_runtime_webhook_latency_seconds`:                      "controller_runtime_webhook_latency_seconds is not exported",
		`controller_runtime_webhook_latency_seconds_count{le="1"}`:        "controller_runtime_webhook_latency_seconds_count has no label le",
		`apiserver_admission_webhook_rejection_count{job="dicer-fanout"}`: "apiserver_admission_webhook_rejection_count has no label job",
		`sum(`: "1:5: parse error: unclosed left parenthesis",
	} {
		if got := strings.Join(check(expression, all), "; "); got != want {
			t.Errorf("%s: %q; want %q", expression, got, want)
		}
	}
}
