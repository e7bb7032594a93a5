package arch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dic writes a DataImportCron as YAML; empty parts are left out.
func dic(name, list, label, base, dataSource, platform string) string {
	var annotations, labels []string
	if list != "" {
		annotations = append(annotations, fmt.Sprintf("%s: %q", ListAnnotation, list))
	}
	if label != "" {
		labels = append(labels, fmt.Sprintf("%s: %q", ArchitectureLabel, label))
	}
	if base != "" {
		labels = append(labels, fmt.Sprintf("%s: %q", BaseLabel, base))
	}
	registry := "{}"
	if platform != "" {
		registry = fmt.Sprintf("{platform: {architecture: %q}}", platform)
	}
	return fmt.Sprintf(`
metadata: {name: %q, annotations: {%s}, labels: {%s}}
spec: {managedDataSource: %q, template: {spec: {source: {registry: %s}}}}`,
		name, strings.Join(annotations, ", "), strings.Join(labels, ", "), dataSource, registry)
}

func TestDataImportCronOnCreate(t *testing.T) {
	const (
		listField = "metadata.annotations[" + ListAnnotation + "]"
		archField = "metadata.labels[" + ArchitectureLabel + "]"
		baseField = "metadata.labels[" + BaseLabel + "]"
		dsField   = "spec.managedDataSource"
		platField = "spec.template.spec.source.registry.platform.architecture"
	)
	long := strings.Repeat("a", 58)
	for name, tc := range map[string]struct {
		dic string
		// want is what it is completed for; empty where it is left untouched.
		want Arch
		// dataSource is what managedDataSource becomes.
		dataSource string
		findings   []string
		warnings   []string
	}{
		"nothing declared":                            {dic: dic("x", "", "", "", "x", "")},
		"a platform alone is no declaration":          {dic: dic("x", "", "", "", "x", "arm64")},
		"a list of one":                               {dic: dic("x-arm64", "arm64", "", "", "x", ""), want: "arm64", dataSource: "x-arm64", warnings: []string{"warning datasource-renamed " + dsField + ` "x"`}},
		"a list of one with spaces":                   {dic: dic("x-arm64", " arm64 ", "", "", "x-arm64", ""), want: "arm64", dataSource: "x-arm64"},
		"a label":                                     {dic: dic("x-arm64", "", "arm64", "", "x", ""), want: "arm64", dataSource: "x-arm64", warnings: []string{"warning datasource-renamed " + dsField + ` "x"`}},
		"label, list and platform agree":              {dic: dic("x-arm64", "arm64", "arm64", "", "x-arm64", "arm64"), want: "arm64", dataSource: "x-arm64"},
		"a complete one stays as it is":               {dic: dic("x-arm64", "", "arm64", "x", "x-arm64", "arm64"), dataSource: "x-arm64"},
		"the suffix of managedDataSource is taken":    {dic: dic("x-arm64", "", "arm64", "", "x-arm64", "arm64"), want: "arm64", dataSource: "x-arm64"},
		"a base label and the base":                   {dic: dic("x-arm64", "", "arm64", "x", "x", ""), want: "arm64", dataSource: "x-arm64", warnings: []string{"warning datasource-renamed " + dsField + ` "x"`}},
		"a name without the suffix":                   {dic: dic("x", "", "arm64", "x", "x-arm64", ""), want: "arm64", dataSource: "x-arm64", findings: []string{`warning name-without-suffix metadata.name "x"`}},
		"no name yet":                                 {dic: dic("", "", "arm64", "x", "x-arm64", ""), want: "arm64", dataSource: "x-arm64"},
		"a list of several without a label":           {dic: dic("x", "amd64,arm64", "", "", "x", ""), findings: []string{"warning list-on-dataimportcron " + listField + ` "amd64,arm64"`}},
		"a list of several with a label of it":        {dic: dic("x-arm64", "amd64,arm64", "arm64", "", "x-arm64", ""), want: "arm64", dataSource: "x-arm64", warnings: []string{"warning list-names-more " + listField + ` "amd64,arm64"`}},
		"a list of several with a label outside it":   {dic: dic("x-s390x", "amd64,arm64", "s390x", "", "x", ""), findings: []string{"error list-contradiction " + listField + ` "amd64,arm64"`}},
		"a list of one and another label":             {dic: dic("x-arm64", "amd64", "arm64", "", "x", ""), findings: []string{"error list-contradiction " + listField + ` "amd64"`}},
		"a platform of another":                       {dic: dic("x-arm64", "", "arm64", "", "x", "amd64"), findings: []string{"error platform-contradiction " + platField + ` "amd64"`}},
		"a base label that does not fit":              {dic: dic("x-arm64", "", "arm64", "other", "x", ""), findings: []string{"error base-label-contradiction " + baseField + ` "other"`}},
		"managedDataSource of another":                {dic: dic("x-arm64", "", "arm64", "", "x-amd64", ""), findings: []string{"error datasource-suffix-contradiction " + dsField + ` "x-amd64"`}},
		"all contradictions at once":                  {dic: dic("x-arm64", "amd64", "arm64", "", "x-amd64", "s390x"), findings: []string{"error list-contradiction " + listField + ` "amd64"`, "error datasource-suffix-contradiction " + dsField + ` "x-amd64"`, "error platform-contradiction " + platField + ` "s390x"`}},
		"an unknown label":                            {dic: dic("x", "", "aarch64", "", "x", ""), findings: []string{"error unknown-architecture-label " + archField + ` "aarch64"`}},
		"an unknown list item":                        {dic: dic("x", "aarch64", "", "", "x", ""), findings: []string{"error unknown-architecture " + listField + ` "aarch64"`}},
		"a broken list of several without a label":    {dic: dic("x", "amd64,arn64", "", "", "x", ""), findings: []string{"warning unknown-architecture " + listField + ` "arn64"`, "warning list-on-dataimportcron " + listField + ` "amd64,arn64"`}},
		"a list of one empty item":                    {dic: dic("x", "  ", "", "", "x", ""), findings: []string{"error empty-item " + listField + ` ""`}},
		"a base label over 63 with the suffix":        {dic: dic("x-arm64", "", "arm64", long, "x", ""), findings: []string{"error base-label-contradiction " + baseField + ` "` + long + `"`}},
		"a broken list beside a label":                {dic: dic("x-arm64", "arm64,", "arm64", "x", "x-arm64", ""), findings: []string{"error empty-item " + listField + ` ""`}},
		"a name over 63":                              {dic: dic(long+"-arm64", "", "arm64", "", "x-arm64", ""), findings: []string{`error name metadata.name "` + long + `-arm64"`}},
		"a managedDataSource over 63 with the suffix": {dic: dic("x-arm64", "", "arm64", "", long, ""), findings: []string{"error datasource-name " + dsField + ` "` + long + `"`}},
		"an empty managedDataSource":                  {dic: dic("x-arm64", "", "arm64", "", "", ""), findings: []string{"error datasource-name " + dsField + ` ""`}},
		"a managedDataSource that is only a suffix":   {dic: dic("x-arm64", "", "arm64", "", "-arm64", ""), findings: []string{"error datasource-name " + dsField + ` "-arm64"`}},
		"a base that is no label value":               {dic: dic("x-arm64", "", "arm64", "", "x-", ""), findings: []string{"error base-label-value " + dsField + ` "x-"`}},
	} {
		t.Run(name, func(t *testing.T) {
			d, raw := decodeYAML(t, tc.dic)
			if diff := cmp.Diff(tc.findings, summary(Rules{}.Declaration(d).Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			ops, warnings := Rules{}.Declaration(d).Completion()
			if diff := cmp.Diff(tc.warnings, summary(warnings)); diff != "" {
				t.Errorf("warnings of the patch (-want +got):\n%s", diff)
			}
			if (len(ops) > 0) != (tc.want != "") {
				t.Fatalf("patch %v; want one for %q", ops, tc.want)
			}
			var after DataImportCron
			if _, err := Decode(apply(t, raw, ops), &after); err != nil {
				t.Fatal(err)
			}
			if tc.want != "" && !after.CompleteFor(tc.want) {
				t.Errorf("not complete for %s: %+v", tc.want, after)
			}
			if tc.dataSource != "" && after.Spec.ManagedDataSource != tc.dataSource {
				t.Errorf("managedDataSource %q; want %q", after.Spec.ManagedDataSource, tc.dataSource)
			}
			if more, _ := (Rules{}).Declaration(&after).Completion(); len(more) > 0 {
				t.Errorf("a second patch: %v", more)
			}
		})
	}
}

func TestDataImportCronOnUpdate(t *testing.T) {
	complete := dic("x-arm64", "", "arm64", "x", "x-arm64", "arm64")
	for name, tc := range map[string]struct {
		old, new string
		patched  bool
	}{
		"the same manifest again, merged":           {old: complete, new: dic("x-arm64", "arm64", "arm64", "x", "x", "arm64"), patched: true},
		"the same manifest again, as a whole":       {old: complete, new: dic("x-arm64", "arm64", "", "", "x", ""), patched: true},
		"a manifest with the label, as a whole":     {old: complete, new: dic("x-arm64", "", "arm64", "", "x", ""), patched: true},
		"an update that declares nothing":           {old: complete, new: dic("x-arm64", "", "", "", "x", "")},
		"an update that declares another":           {old: complete, new: dic("x-arm64", "", "amd64", "", "x", "")},
		"an update with a contradiction":            {old: complete, new: dic("x-arm64", "arm64", "", "", "x", "amd64")},
		"the old one was not complete":              {old: dic("x-arm64", "", "", "", "x", ""), new: dic("x-arm64", "arm64", "", "", "x", "")},
		"the old one was complete for another":      {old: dic("x-arm64", "", "amd64", "x", "x-amd64", "amd64"), new: dic("x-arm64", "arm64", "", "", "x", "")},
		"the old one still had its list":            {old: dic("x-arm64", "arm64", "arm64", "x", "x-arm64", "arm64"), new: dic("x-arm64", "arm64", "", "", "x", "")},
		"another base label than before":            {old: complete, new: dic("x-arm64", "", "arm64", "x-arm64", "x-arm64", "arm64")},
		"the base label gone, the suffix there":     {old: complete, new: dic("x-arm64", "", "arm64", "", "x-arm64", "arm64"), patched: true},
		"an API server that drops the platform":     {old: dic("x-arm64", "", "arm64", "x", "x-arm64", ""), new: dic("x-arm64", "arm64", "", "", "x", ""), patched: true},
		"and more was not complete than that":       {old: dic("x-arm64", "", "arm64", "", "x-arm64", ""), new: dic("x-arm64", "arm64", "", "", "x", "")},
		"an update that leaves it complete":         {old: complete, new: complete},
		"a foreign architecture label is an update": {old: complete, new: dic("x-arm64", "", "mips", "x", "x-arm64", "arm64")},
	} {
		t.Run(name, func(t *testing.T) {
			d, raw := decodeYAML(t, tc.new)
			ops, _ := Rules{}.Declaration(d).CompletionOver(view(t, tc.old))
			if (len(ops) > 0) != tc.patched {
				t.Fatalf("patch %v; want one: %t", ops, tc.patched)
			}
			if !tc.patched {
				return
			}
			_, old := decodeYAML(t, tc.old)
			if diff := cmp.Diff(object(t, old), object(t, apply(t, raw, ops))); diff != "" {
				t.Errorf("the object changes (-old +new):\n%s", diff)
			}
		})
	}
}

func TestIncompleteTellsOfADeclarationThatCameTooLate(t *testing.T) {
	late := view(t, dic("x-arm64", "", "arm64", "", "x", ""))
	if got := summary(Rules{}.Declaration(late).Incomplete()); len(got) != 1 || !strings.HasPrefix(got[0], "warning incomplete ") {
		t.Errorf("got %v; want one warning", got)
	}
	for _, manifest := range []string{
		dic("x-arm64", "", "arm64", "x", "x-arm64", "arm64"),
		dic("x", "", "", "", "x", ""),
		dic("x", "", "arm64", "", "x-amd64", ""),
	} {
		if got := (Rules{}).Declaration(view(t, manifest)).Incomplete(); len(got) > 0 {
			t.Errorf("%s: got %v; want nothing", manifest, summary(got))
		}
	}
}
