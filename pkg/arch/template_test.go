package arch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// template writes a template as YAML; more adds lines to it.
func template(name, list, base, more string) string {
	annotations := "{}"
	if list != "" {
		annotations = fmt.Sprintf("{ssp.kubevirt.io/dict.architectures: %q}", list)
	}
	return fmt.Sprintf(`
metadata: {name: %q, annotations: %s%s}
spec: {managedDataSource: %q, schedule: "0 0 * * *", template: {spec: {source: {registry: {imageStream: x}}}}}`, name, annotations, more, base)
}

func validateOne(t *testing.T, manifest string, nodes ...Arch) []string {
	t.Helper()
	return summary(Rules{}.ValidateTemplates(Templates{Items: views(t, manifest), Nodes: nodes}, field.NewPath("t")))
}

const listField = "t[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]"

func TestValidateTemplates(t *testing.T) {
	fixed := func(spec string) string {
		return "metadata: {name: x, annotations: {ssp.kubevirt.io/dict.architectures: 'amd64,arm64'}}\nspec: " + spec
	}
	long := strings.Repeat("a", 58)
	for name, tc := range map[string]struct {
		template string
		nodes    []Arch
		want     []string
	}{
		"a list template that is right":            {template: template("rhel10", "amd64,arm64", "rhel10", "")},
		"without a list nothing is judged":         {template: template(strings.Repeat("A", 99), "", "-", "")},
		"every finding of the list":                {template: template("x", "arn64,,amd64,amd64", "x", ""), want: []string{"error unknown-architecture " + listField + ` "arn64"`, "error empty-item " + listField + ` ""`, "error duplicate-architecture " + listField + ` "amd64"`}},
		"a name of 63 with its suffix":             {template: template(long[:57], "amd64", "x", "")},
		"a name of 64 with its suffix":             {template: template(long, "amd64,arm64", "x", ""), want: []string{`error name t[0].metadata.name "` + long + `"`}},
		"a DataSource of 64 with its suffix":       {template: template("x", "amd64", long, ""), want: []string{`error datasource-name t[0].spec.managedDataSource "` + long + `"`}},
		"a name that is not legal":                 {template: template("Rhel_10", "amd64", "x", ""), want: []string{`error name t[0].metadata.name "Rhel_10"`}},
		"no name at all":                           {template: template("", "amd64", "x", ""), want: []string{`error name t[0].metadata.name ""`}},
		"a DataSource that is no label value":      {template: template("x", "amd64", "rhel-", ""), want: []string{`error base-label-value t[0].spec.managedDataSource "rhel-"`}},
		"a platform outside the list":              {template: fixed("{managedDataSource: x, template: {spec: {source: {registry: {platform: {architecture: s390x}}}}}}"), want: []string{`error platform-contradiction t[0].spec.template.spec.source.registry.platform.architecture "s390x"`}},
		"a platform that is one of the list":       {template: fixed("{managedDataSource: x, template: {spec: {source: {registry: {platform: {architecture: arm64}}}}}}"), want: []string{`warning overridden t[0].spec.template.spec.source.registry.platform.architecture "arm64"`}},
		"an architecture label outside the list":   {template: template("x", "amd64", "x", ", labels: {template.kubevirt.io/architecture: arm64}"), want: []string{`error architecture-label-contradiction t[0].metadata.labels[template.kubevirt.io/architecture] "arm64"`}},
		"an architecture label that is the list":   {template: template("x", "amd64", "x", ", labels: {template.kubevirt.io/architecture: amd64}")},
		"a base label of another DataSource":       {template: template("x", "amd64", "x", ", labels: {cdi.kubevirt.io/storage.import.datasource-name: other}"), want: []string{`error base-label-contradiction t[0].metadata.labels[cdi.kubevirt.io/storage.import.datasource-name] "other"`}},
		"an architecture without nodes":            {template: template("x", "amd64,arm64", "x", ""), nodes: []Arch{"amd64"}, want: []string{"warning no-nodes " + listField + ` "arm64"`}},
		"a source that is no registry":             {template: fixed("{managedDataSource: x, template: {spec: {source: {http: {url: 'http://x'}}}}}"), want: []string{`warning no-registry t[0].spec.template.spec.source ""`}},
		"a base that ends in an architecture":      {template: template("x", "amd64", "x-s390x", ""), want: []string{`warning base-suffix t[0].spec.managedDataSource "x-s390x"`}},
		"a URL's CronJob name of 52":               {template: urlTemplate(long[:37], "")},
		"a URL's CronJob name of 53":               {template: urlTemplate(long[:38], ""), want: []string{`warning cronjob-name t[0].metadata.name "` + long[:38] + `"`}},
		"pod pull, written out":                    {template: urlTemplate(long[:38], ", pullMethod: pod"), want: []string{`warning cronjob-name t[0].metadata.name "` + long[:38] + `"`}},
		"node pull needs no CronJob":               {template: urlTemplate(long[:38], ", pullMethod: node")},
		"a broken list hides no other finding":     {template: template(long, "amd64,x", "y-amd64", ""), want: []string{"error unknown-architecture " + listField + ` "x"`, `error name t[0].metadata.name "` + long + `"`, `warning base-suffix t[0].spec.managedDataSource "y-amd64"`}},
		"unknown items make no further findings":   {template: template(long, "x", "y-amd64", ""), want: []string{"error unknown-architecture " + listField + ` "x"`}},
		"an unreadable template is judged as such": {template: "metadata: {annotations: {ssp.kubevirt.io/dict.architectures: amd64}}", want: []string{`error name t[0].metadata.name ""`, `error datasource-name t[0].spec.managedDataSource ""`, `warning no-registry t[0].spec.template.spec.source ""`}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, validateOne(t, tc.template, tc.nodes...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func urlTemplate(name, more string) string {
	return fmt.Sprintf(`
metadata: {name: %q, annotations: {ssp.kubevirt.io/dict.architectures: amd64}}
spec: {managedDataSource: x, schedule: "0 0 * * *", template: {spec: {source: {registry: {url: "docker://x"%s}}}}}`, name, more)
}

func TestTextsNameTheTemplateAndTheField(t *testing.T) {
	findings := Rules{}.ValidateTemplates(Templates{Items: views(t,
		template("rhel10-image-cron", "amd64,arn64", "rhel10-amd64", ""),
		template("other", "amd64", "x", ", namespace: elsewhere, labels: {template.kubevirt.io/architecture: arm64}"),
	)}, field.NewPath("spec", "commonTemplates", "dataImportCronTemplates"))
	var got []string
	for _, f := range findings {
		got = append(got, f.Message())
	}
	want := []string{
		`template "rhel10-image-cron": dict.architectures: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`,
		`template "rhel10-image-cron": managedDataSource: "rhel10-amd64": ends in "amd64" already, and gets a suffix all the same`,
		`template "elsewhere/other": architecture: "arm64": contradicts the list "amd64"; remove it`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantError := `spec.commonTemplates.dataImportCronTemplates[0].metadata.annotations[ssp.kubevirt.io/dict.architectures]: Unsupported value: "arn64": template "rhel10-image-cron": not one of amd64, arm64, s390x; did you mean "arm64"?`
	if got := findings.Errors()[0]; got.Error() != wantError || got.Origin != string(RuleUnknownArchitecture) {
		t.Errorf("got  %s (%s)\nwant %s", got, got.Origin, wantError)
	}
}

func TestCollisions(t *testing.T) {
	for name, tc := range map[string]struct {
		templates []string
		want      []string
	}{
		"templates apart": {templates: []string{template("a", "amd64,arm64", "a", ""), template("b", "amd64,arm64", "b", "")}},
		"a cut name meets a plain one": {
			templates: []string{template("rhel10", "amd64", "a", ""), template("rhel10-amd64", "", "b", "")},
			want:      []string{`name-collision t[1].metadata.name: template "rhel10-amd64" template "rhel10" makes "rhel10-amd64" too`},
		},
		"two plain ones of one name": {
			templates: []string{template("a", "", "a", ""), template("a", "", "b", "")},
			want:      []string{`name-collision t[1].metadata.name: template "a" template "a" makes "a" too`},
		},
		"one pair, all its names at once": {
			templates: []string{template("a", "amd64,arm64", "a", ""), template("a", "arm64,amd64", "b", "")},
			want:      []string{`name-collision t[1].metadata.name: template "a" template "a" makes "a-arm64", "a-amd64" too`},
		},
		"a cut DataSource meets a plain one": {
			templates: []string{template("a", "amd64", "rhel10", ""), template("b", "", "rhel10-amd64", "")},
			want:      []string{`datasource-collision t[1].spec.managedDataSource: template "b" template "a" needs DataSource "rhel10-amd64" too`},
		},
		"a plain and a list template with one managedDataSource": {
			templates: []string{template("a", "amd64", "rhel10", ""), template("b", "", "rhel10", "")},
			want:      []string{`datasource-collision t[1].spec.managedDataSource: template "b" template "a" needs DataSource "rhel10" too`},
		},
		"two list templates may share a base for other architectures": {
			templates: []string{template("a", "amd64", "rhel10", ""), template("b", "arm64", "rhel10", "")},
		},
		"but not for the same architecture": {
			templates: []string{template("a", "amd64", "rhel10", ""), template("b", "arm64,amd64", "rhel10", "")},
			want:      []string{`datasource-collision t[1].spec.managedDataSource: template "b" template "a" needs DataSource "rhel10-amd64" too`},
		},
		"the plain DataSource of one is managed by the other": {
			templates: []string{template("a", "amd64", "x-amd64", ""), template("b", "amd64", "x", "")},
			want:      []string{`datasource-collision t[1].spec.managedDataSource: template "b" template "a" needs DataSource "x-amd64" too`},
		},
		"namespaces are apart": {
			templates: []string{template("a", "", "a", ", namespace: one"), template("a", "", "a", ", namespace: two")},
		},
		"no namespace is the golden images'": {
			templates: []string{template("a", "", "a", ", namespace: kubevirt-os-images"), template("a", "", "b", "")},
			want:      []string{`name-collision t[1].metadata.name: template "a" template "a" makes "a" too`},
		},
		"an invalid list claims no names": {
			templates: []string{template("a", "x", "a", ""), template("a", "y", "a", "")},
			want:      nil,
		},
		"but the plain DataSource": {
			templates: []string{template("a", "arn64", "x", ""), template("b", "", "x", "")},
			want:      []string{`datasource-collision t[1].spec.managedDataSource: template "b" template "a" needs DataSource "x" too`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range (Rules{}).ValidateTemplates(Templates{Items: views(t, tc.templates...)}, field.NewPath("t")) {
				if f.Other != (Subject{}) {
					got = append(got, fmt.Sprintf("%s %s: %s %s", f.Rule, f.Path, f.Subject, f.Text))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyCollisionsStayBounded(t *testing.T) {
	var manifests []DataImportCron
	for range 1000 {
		manifests = append(manifests, *view(t, template("a", "amd64,arm64,s390x", "a", "")))
	}
	findings := Rules{}.ValidateTemplates(Templates{Items: manifests}, field.NewPath("t"))
	if got, most := len(findings), 2*maxPairs; got == 0 || got > most {
		t.Errorf("%d findings; want some, %d at most", got, most)
	}
	if left := (Rules{}).ValidateTemplatesUpdate(Templates{Items: manifests}, Templates{Items: manifests}, field.NewPath("t")); left.HasErrors() {
		t.Error("unchanged templates have new errors")
	}
}

// TestWarningsStayShort writes each rule's text with the names of the seed
// case. Only what is accepted for a base label, and what is a legal name, need
// more room.
func TestWarningsStayShort(t *testing.T) {
	const most = 120
	rules := map[Rule]bool{}
	check := func(findings Findings) {
		for _, f := range findings {
			rules[f.Rule] = true
			if text := f.Message(); len(text) > most && f.Rule != RuleBaseLabel {
				t.Errorf("%s: %d characters: %s", f.Rule, len(text), text)
			}
		}
	}
	seed := func(list, more, source string) string {
		return fmt.Sprintf(`
metadata: {name: rhel10-image-cron, annotations: {ssp.kubevirt.io/dict.architectures: %q}%s}
spec: {managedDataSource: rhel10, schedule: "4 8/12 * * *", template: {spec: {source: {%s}}}}`, list, more, source)
	}
	const registry = "registry: {imageStream: rhel10-guest}"
	for _, templates := range [][]string{
		{seed("arn64,,amd64,amd64", "", registry)},
		{seed("amd64,arm64", ", labels: {template.kubevirt.io/architecture: s390x, cdi.kubevirt.io/storage.import.datasource-name: fedora}", "registry: {platform: {architecture: s390x}}")},
		{seed("amd64,arm64", ", labels: {template.kubevirt.io/architecture: arm64}", "http: {}")},
		{seed("amd64,arm64", "", registry), template("rhel10-legacy", "", "rhel10-amd64", "")},
		{seed("amd64,arm64", "", registry), template("rhel10-image-cron-amd64", "", "other", "")},
		{template("rhel10-image-cron", "amd64", "rhel10-amd64", "")},
		{urlTemplate("rhel10-image-cron-with-a-longer-name-than", "")},
	} {
		check(Rules{}.ValidateTemplates(Templates{Items: views(t, templates...), Nodes: []Arch{"s390x"}}, field.NewPath("t")))
	}
	const name = "rhel10-image-cron-arm64"
	for _, manifest := range []string{
		dic(name, "amd64", "arm64", "", "rhel10-amd64", "s390x"),
		dic(name, "", "arm64", "fedora", "rhel10", ""),
		dic(name, "", "aarch64", "", "rhel10", ""),
		dic("rhel10-image-cron", "amd64,arm64", "", "", "rhel10", ""),
		dic(name, "amd64,arm64", "arm64", "", "rhel10", ""),
		dic("rhel10-image-cron", "", "arm64", "", "", ""),
	} {
		decl := Rules{}.Declaration(view(t, manifest))
		_, told := decl.Completion()
		check(slices.Concat(decl.Findings, told, decl.Incomplete()))
	}
	_, told := Rules{}.Declaration(view(t, dic(name, "arm64", "", "", "rhel10", ""))).CompletionOver(view(t, dic(name, "", "arm64", "rhel10", "rhel10-arm64", "")))
	check(told)
	if len(rules) < 22 {
		t.Errorf("only %d rules were written: %v", len(rules), rules)
	}
}
