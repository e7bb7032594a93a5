package arch

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// BenchmarkDecodeDataImportCron reads one DataImportCron from its JSON.
func BenchmarkDecodeDataImportCron(b *testing.B) {
	_, raw := decodeYAML(b, dic("rhel10-arm64", "arm64", "", "", "rhel10", ""))
	b.ReportAllocs()
	for b.Loop() {
		var d DataImportCron
		if _, err := Decode(raw, &d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecideDataImportCron judges one DataImportCron that was read.
func BenchmarkDecideDataImportCron(b *testing.B) {
	d := view(b, dic("rhel10-arm64", "arm64", "", "", "rhel10", ""))
	b.ReportAllocs()
	for b.Loop() {
		if decl := (Rules{}).Declaration(d); decl.Arch != "arm64" {
			b.Fatal(decl)
		}
	}
}

// BenchmarkPatchDataImportCron makes and writes the patch of one that was judged.
func BenchmarkPatchDataImportCron(b *testing.B) {
	decl := Rules{}.Declaration(view(b, dic("rhel10-arm64", "arm64", "", "", "rhel10", "")))
	b.ReportAllocs()
	for b.Loop() {
		ops, _ := decl.Completion()
		if _, err := json.Marshal(ops); err != nil || len(ops) == 0 {
			b.Fatal(ops, err)
		}
	}
}

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

// benchTemplates is the JSON of n list templates.
func benchTemplates(b *testing.B, n int) []byte {
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
	return raw
}

// perTemplate reports the time for one of n templates.
func perTemplate(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/template")
}

// BenchmarkValidateTemplates judges SSPs of several sizes, from their JSON.
func BenchmarkValidateTemplates(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		raw := benchTemplates(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				var templates []DataImportCron
				if _, err := Decode(raw, &templates); err != nil {
					b.Fatal(err)
				}
				if findings := (Rules{}).ValidateTemplates(Templates{Items: templates}, field.NewPath("t")); len(findings) > 0 {
					b.Fatal(findings)
				}
			}
			perTemplate(b, n)
		})
	}
}

// BenchmarkValidateTemplatesUpdate judges updates of SSPs of several sizes, from
// the JSON of the new and the old object.
func BenchmarkValidateTemplatesUpdate(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		raw := benchTemplates(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				var templates, old []DataImportCron
				for _, view := range []*[]DataImportCron{&templates, &old} {
					if _, err := Decode(raw, view); err != nil {
						b.Fatal(err)
					}
				}
				if findings := (Rules{}).ValidateTemplatesUpdate(Templates{Items: templates}, Templates{Items: old}, field.NewPath("t")); len(findings) > 0 {
					b.Fatal(findings)
				}
			}
			perTemplate(b, n)
		})
	}
}

// BenchmarkExpand makes the DataImportCrons of one template, from its JSON to
// theirs.
func BenchmarkExpand(b *testing.B) {
	_, raw := decodeYAML(b, template("rhel10", "amd64,arm64", "rhel10", ""))
	path := field.NewPath("t")
	b.ReportAllocs()
	for b.Loop() {
		e, err := Rules{}.Expand(raw, Nodes{}, path)
		if err != nil || len(e.DataImportCrons) != 2 || e.DataImportCrons[1].Object == nil {
			b.Fatal(e, err)
		}
	}
}
