package arch

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// BenchmarkCompleteDataImportCron decides one DataImportCron, from its JSON to
// the patch.
func BenchmarkCompleteDataImportCron(b *testing.B) {
	_, raw := decodeYAML(b, dic("rhel10-arm64", "arm64", "", "", "rhel10", ""))
	b.ReportAllocs()
	for b.Loop() {
		var d DataImportCron
		if _, err := Decode(raw, &d); err != nil {
			b.Fatal(err)
		}
		ops, _ := Rules{}.Declaration(&d).Completion()
		if _, err := json.Marshal(ops); err != nil || len(ops) == 0 {
			b.Fatal(ops, err)
		}
	}
}

// BenchmarkValidateTemplates judges SSPs of several sizes, from their JSON; it
// reports the time for one template.
func BenchmarkValidateTemplates(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		var manifests []json.RawMessage
		for i := range n {
			raw, err := yaml.YAMLToJSON([]byte(template(fmt.Sprint("t", i), "amd64,arm64", fmt.Sprint("d", i), "")))
			if err != nil {
				b.Fatal(err)
			}
			manifests = append(manifests, raw)
		}
		raw, err := json.Marshal(manifests)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				var templates []DataImportCron
				if _, err := Decode(raw, &templates); err != nil {
					b.Fatal(err)
				}
				if findings := (Rules{}).ValidateTemplates(templates, nil, field.NewPath("t")); len(findings) > 0 {
					b.Fatal(findings)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/template")
		})
	}
}
