package monitoring

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// component is where the rules and the dashboard are.
const component = "../../deploy/components/monitoring"

// alertRule is one as PrometheusRule has it.
type alertRule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

type prometheusRule struct {
	Spec struct {
		Groups []struct {
			Name  string      `json:"name"`
			Rules []alertRule `json:"rules"`
		} `json:"groups"`
	} `json:"spec"`
}

func readRules(t *testing.T) prometheusRule {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(component, "prometheusrule.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var found prometheusRule
	if err := yaml.Unmarshal(content, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var all []alertRule
	for _, group := range readRules(t).Spec.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// writeGroups writes the rules as Prometheus reads them, as its operator does.
func writeGroups(t *testing.T) string {
	t.Helper()
	content, err := yaml.Marshal(readRules(t).Spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "groups.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
