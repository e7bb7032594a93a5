package docs

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/dicer-dev/dicer/pkg/arch"
)

const (
	registrySource = `{"registry": {"url": "docker://x.invalid/x"}}`
	s390xSource    = `{"registry": {"url": "docker://x.invalid/x", "platform": {"architecture": "s390x"}}}`
)

// What each field of an object may hold, right or wrong: every combination is made.
var (
	names       = []string{"x", "x-amd64", strings.Repeat("x", 44), strings.Repeat("x", 64), "X_x"}
	lists       = []string{"", "amd64", "amd64,arm64", "amd64, arm64", "arn64,,amd64,amd64", "mips", " , "}
	dataSources = []string{`"x"`, `"x-arm64"`, `"x-"`, `""`, `["x"]`, `"` + strings.Repeat("x", 64) + `"`}
	archLabels  = []string{"", "amd64", "arm64", "aarch64", "mips"}
	baseLabels  = []string{"", "x", "other"}
	sources     = []string{registrySource, s390xSource, `{"http": {"url": "https://x.invalid"}}`, `{}`}
)

// eachObject makes them.
func eachObject(t *testing.T, visit func(raw []byte)) {
	t.Helper()
	for _, name := range names {
		for _, list := range lists {
			for _, dataSource := range dataSources {
				for _, label := range archLabels {
					for _, base := range baseLabels {
						for _, source := range sources {
							visit(written(t, name, list, dataSource, label, base, source))
						}
					}
				}
			}
		}
	}
}

// written is a template, or a DataImportCron without its kind. An empty label or list
// is left out; dataSource and source are JSON.
func written(t *testing.T, name, list, dataSource, label, base, source string) []byte {
	t.Helper()
	labels, annotations := map[string]string{}, map[string]string{}
	for key, value := range map[string]string{arch.ArchitectureLabel: label, arch.BaseLabel: base} {
		if value != "" {
			labels[key] = value
		}
	}
	if list != "" {
		annotations[arch.ListAnnotation] = list
	}
	raw, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"name": name, "labels": labels, "annotations": annotations},
		"spec": map[string]any{
			"managedDataSource": json.RawMessage(dataSource), "schedule": "0 0 * * 2",
			"template": map[string]any{"spec": map[string]any{"source": json.RawMessage(source)}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func view(t *testing.T, raw []byte) (arch.DataImportCron, arch.Findings) {
	t.Helper()
	var d arch.DataImportCron
	findings, err := arch.Decode(raw, &d)
	if err != nil {
		t.Fatal(err)
	}
	return d, findings
}

// templateMessages are about templates: by themselves, beside a second one, and as
// they are expanded.
func templateMessages(t *testing.T) arch.Findings {
	t.Helper()
	var found arch.Findings
	rules, path := arch.Rules{}, field.NewPath("spec", "dataImportCronTemplates")
	second, _ := view(t, written(t, "x", "amd64", `"x"`, "", "", registrySource))
	eachObject(t, func(raw []byte) {
		template, malformed := view(t, raw)
		found = append(found, malformed...)
		found = append(found, rules.ValidateTemplates(arch.Templates{
			Items: []arch.DataImportCron{second, template}, Nodes: []arch.Arch{"amd64"}, NoSpace: true,
		}, path)...)
		// A template that cannot be read is an error of Go's, in events as InvalidTemplate.
		if e, err := rules.Expand(raw, arch.Nodes{}, path); err == nil {
			found = append(append(found, e.ListFindings...), e.Findings...)
			for _, x := range e.DataImportCrons {
				found = append(found, x.Findings...)
			}
		}
	})
	return found
}

// dataImportCronMessages are about DataImportCrons: created, and applied again over a
// complete one whose platform an old CDI has dropped.
func dataImportCronMessages(t *testing.T) arch.Findings {
	t.Helper()
	var found arch.Findings
	old, _ := view(t, written(t, "x-amd64", "", `"x-amd64"`, "amd64", "x", registrySource))
	eachObject(t, func(raw []byte) {
		d, malformed := view(t, raw)
		declaration := arch.Rules{}.Declaration(&d)
		_, created := declaration.Completion()
		_, applied := declaration.CompletionOver(&old)
		for _, more := range []arch.Findings{malformed, declaration.Findings, declaration.Incomplete(), created, applied} {
			found = append(found, more...)
		}
	})
	return found
}
