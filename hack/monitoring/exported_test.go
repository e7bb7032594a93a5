package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// dashboard is what is looked at of Grafana's model.
type dashboard struct {
	Title      string `json:"title"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Type       string `json:"type"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID      int    `json:"id"`
		Type    string `json:"type"`
		Title   string `json:"title"`
		GridPos struct{ X, Y, W, H int }
		Targets []struct {
			Expr   string `json:"expr"`
			Legend string `json:"legendFormat"`
		} `json:"targets"`
	} `json:"panels"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(component, "dicer.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	// legendLabel is a label in a legend.
	legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)
	// labelValues is what a variable asks for.
	labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	// variable is one of Grafana's in an expression.
	variable = regexp.MustCompile(`\$(\w+)`)
)

func TestTheDashboardShowsWhatIsExported(t *testing.T) {
	all, d := known(t), readDashboard(t)
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
		if v.Type != "query" {
			continue
		}
		match := labelValues.FindStringSubmatch(v.Definition)
		if match == nil {
			t.Errorf("variable %s: %q is no label_values", v.Name, v.Definition)
			continue
		}
		for _, problem := range check(fmt.Sprintf("count by (%s) (%s)", match[2], match[1]), all) {
			t.Errorf("variable %s: %s", v.Name, problem)
		}
	}
	shown := map[string]bool{}
	for _, panel := range d.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("%s shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, match := range variable.FindAllStringSubmatch(target.Expr, -1) {
				if !variables[match[1]] {
					t.Errorf("%s: no variable %s", panel.Title, match[0])
				}
			}
			// A duration where Grafana puts one.
			expression := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			for _, problem := range check(expression, all) {
				t.Errorf("%s: %s", panel.Title, problem)
			}
			checkLegend(t, panel.Title, expression, target.Legend)
			for name, m := range all {
				if strings.Contains(expression, name) {
					shown[m.Name] = true
				}
			}
		}
	}
	// All that is dicer's own is worth a look.
	for _, m := range all {
		if strings.HasPrefix(m.Name, "dicer_") && !shown[m.Name] {
			t.Errorf("no panel shows %s", m.Name)
		}
	}
}

// checkLegend looks for labels that an expression's result does not have: a sum's
// are those that it is by.
func checkLegend(t *testing.T, panel, expression, legend string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		return // told already
	}
	result := map[string]bool{}
	parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.AggregateExpr:
			for _, name := range n.Grouping {
				result[name] = true
			}
		case *parser.VectorSelector:
			if !slices.ContainsFunc(path, func(above parser.Node) bool { _, ok := above.(*parser.AggregateExpr); return ok }) {
				for name := range ofTargets {
					result[name] = true
				}
			}
		}
		return nil
	})
	for _, match := range legendLabel.FindAllStringSubmatch(legend, -1) {
		if !result[match[1]] {
			t.Errorf("%s: the legend %q has %s, which %s does not", panel, legend, match[1], expression)
		}
	}
}

func TestThePanelsDoNotLieOnEachOther(t *testing.T) {
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, panel := range readDashboard(t).Panels {
		if ids[panel.ID] {
			t.Errorf("%s has the ID of another panel", panel.Title)
		}
		ids[panel.ID] = true
		if p := panel.GridPos; p.W == 0 || p.H == 0 || p.X+p.W > 24 {
			t.Errorf("%s is at %+v", panel.Title, p)
		}
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", panel.Title, other)
				}
				taken[[2]int{x, y}] = panel.Title
			}
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
