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

	"github.com/prometheus/prometheus/promql/parser"
)

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
