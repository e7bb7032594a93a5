package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// expandYAML expands one template; accepted are further architectures.
func expandYAML(t *testing.T, manifest string, nodes Nodes, accepted ...Arch) (Expansion, error) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	rules := Rules{}
	if len(accepted) > 0 {
		rules.Accepted = append(DefaultArchitectures(), accepted...)
	}
	e, err := rules.Expand(raw, nodes, field.NewPath("t"))
	for _, x := range e.DataImportCrons {
		checkExpanded(t, raw, x)
	}
	return e, err
}

// checkExpanded holds for whatever was expanded: an object or findings, and an
// object that is complete.
func checkExpanded(t *testing.T, raw []byte, x Expanded) {
	t.Helper()
	if (x.Object == nil) != (len(x.Findings) > 0) {
		t.Fatalf("%s has object %s and findings %v", x.Name, x.Object, x.Findings)
	}
	if x.Object == nil {
		return
	}
	var d DataImportCron
	if findings, err := Decode(x.Object, &d); err != nil || len(findings) > 0 {
		t.Fatalf("%s cannot be read: %v %v", x.Object, findings, err)
	}
	if x.Arch != "" && !d.CompleteFor(x.Arch) {
		t.Errorf("%s lacks %v", x.Object, d.Missing(x.Arch))
	}
	want := []string{x.Namespace, x.Name, x.ManagedDataSource}
	if diff := cmp.Diff(want, []string{d.Metadata.Namespace, d.Metadata.Name, d.Spec.ManagedDataSource}); diff != "" {
		t.Errorf("namespace, name and DataSource (-told +in the object):\n%s", diff)
	}
	if diff := cmp.Diff(wantedSpec(t, raw, x), object(t, x.Object).(map[string]any)["spec"]); diff != "" {
		t.Errorf("the spec of %s (-want +got):\n%s", x.Name, diff)
	}
}

// wantedSpec makes changes 2 and 3 the plain way, on decoded JSON.
func wantedSpec(t *testing.T, raw []byte, x Expanded) map[string]any {
	t.Helper()
	spec := object(t, raw).(map[string]any)["spec"].(map[string]any)
	if x.Arch == "" {
		return spec
	}
	spec["managedDataSource"] = x.ManagedDataSource
	registry, ok := dig(spec, "template", "spec", "source")["registry"].(map[string]any)
	if !ok {
		return spec
	}
	platform, ok := registry["platform"].(map[string]any)
	if !ok {
		platform = map[string]any{}
	}
	platform["architecture"] = string(x.Arch)
	registry["platform"] = platform
	return spec
}

func dig(m map[string]any, path ...string) map[string]any {
	for _, key := range path {
		m, _ = m[key].(map[string]any)
	}
	return m
}

// made gives each DataImportCron as "name DataSource", with the rules it broke.
func made(e Expansion) []string {
	var out []string
	for _, x := range e.DataImportCrons {
		text := x.Name + " " + x.ManagedDataSource
		for _, f := range x.Findings {
			text += " " + string(f.Rule)
		}
		out = append(out, text)
	}
	return out
}

func TestExpandMakesOneDataImportCronPerArchitecture(t *testing.T) {
	long := strings.Repeat("a", 57)
	tooLong := long + "a"
	nodes := func(controlPlane, workload []Arch) Nodes {
		return Nodes{ControlPlaneArchitectures: controlPlane, WorkloadArchitectures: workload}
	}
	spec := func(spec string) string {
		return "metadata: {name: x, annotations: {ssp.kubevirt.io/dict.architectures: 'amd64'}}\nspec: " + spec
	}
	for name, tc := range map[string]struct {
		template string
		nodes    Nodes
		accepted []Arch
		want     []string
		findings []string
	}{
		"a list, in its order":                     {template: template("rhel10", "arm64, amd64", "r", ""), want: []string{"rhel10-arm64 r-arm64", "rhel10-amd64 r-amd64"}},
		"a list that is partly wrong":              {template: template("rhel10", "amd64,arn64,,s390x,s390x", "r", ""), want: []string{"rhel10-amd64 r-amd64", "rhel10-s390x r-s390x"}, findings: []string{`error unknown-architecture t.` + listOf + ` "arn64"`, `error empty-item t.` + listOf + ` ""`, `error duplicate-architecture t.` + listOf + ` "s390x"`}},
		"a list that is all wrong":                 {template: template("rhel10", "x86_64,", "r", ""), findings: []string{`error unknown-architecture t.` + listOf + ` "x86_64"`, `error empty-item t.` + listOf + ` ""`}},
		"a list of spaces":                         {template: template("rhel10", "  ", "r", ""), findings: []string{`error empty-item t.` + listOf + ` ""`}},
		"no list":                                  {template: template("rhel10", "", "r", ""), want: []string{"rhel10 r"}},
		"the cluster's nodes limit the list":       {template: template("rhel10", "amd64,arm64,s390x", "r", ""), nodes: nodes([]Arch{"s390x"}, []Arch{"amd64", "riscv64"}), want: []string{"rhel10-amd64 r-amd64", "rhel10-s390x r-s390x"}},
		"no node of the list's":                    {template: template("rhel10", "amd64", "r", ""), nodes: nodes(nil, []Arch{"arm64"})},
		"no node of an accepted architecture":      {template: template("rhel10", "amd64", "r", ""), nodes: nodes([]Arch{"riscv64"}, nil)},
		"nodes do not limit a plain template":      {template: template("rhel10", "", "r", ""), nodes: nodes([]Arch{"arm64"}, nil), want: []string{"rhel10 r"}},
		"names of 63 with their suffix":            {template: template(long, "amd64", long, ""), want: []string{long + "-amd64 " + long + "-amd64"}},
		"a name of 64 with its suffix":             {template: template(tooLong, "amd64", "r", ""), want: []string{tooLong + "-amd64 r-amd64 name"}},
		"a DataSource of 64 with its suffix":       {template: template("x", "amd64", tooLong, ""), want: []string{"x-amd64 " + tooLong + "-amd64 datasource-name"}},
		"one name too long, the other not":         {template: template(long, "ppc64le,amd64", "r", ""), accepted: []Arch{"ppc64le"}, want: []string{long + "-ppc64le r-ppc64le name", long + "-amd64 r-amd64"}},
		"a plain name of 64":                       {template: template(long+"-123456", "", "r", ""), want: []string{long + "-123456 r name"}},
		"a name that is not legal":                 {template: template("Rhel_10", "amd64", "r", ""), want: []string{"Rhel_10-amd64 r-amd64 name"}},
		"a plain name that is not legal":           {template: template("-", "", "r", ""), want: []string{"- r name"}},
		"a DataSource that is no label value":      {template: template("x", "amd64", "r-", ""), want: []string{"x-amd64 r--amd64 base-label-value"}},
		"no DataSource":                            {template: spec("{template: {spec: {source: {registry: {url: x}}}}}"), want: []string{"x-amd64 -amd64 datasource-name"}},
		"no source":                                {template: spec("{managedDataSource: r, template: {spec: {}}}"), want: []string{"x-amd64 r-amd64 no-source"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"a null source":                            {template: spec("{managedDataSource: r, template: {spec: {source: null}}}"), want: []string{"x-amd64 r-amd64 no-source"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"a source of nulls":                        {template: spec("{managedDataSource: r, template: {spec: {source: {registry: null, http: null}}}}"), want: []string{"x-amd64 r-amd64 no-source"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"a null template":                          {template: spec("{managedDataSource: r, template: null}"), want: []string{"x-amd64 r-amd64 no-source"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"no spec":                                  {template: "metadata: {name: x}", want: []string{"x  datasource-name no-source"}},
		"a null spec":                              {template: spec("null"), want: []string{"x-amd64 -amd64 datasource-name no-source"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"an empty registry":                        {template: spec("{managedDataSource: r, template: {spec: {source: {registry: {}}}}}"), want: []string{"x-amd64 r-amd64"}},
		"a null platform":                          {template: spec("{managedDataSource: r, template: {spec: {source: {registry: {platform: null}}}}}"), want: []string{"x-amd64 r-amd64"}},
		"a platform with fields of tomorrow":       {template: spec("{managedDataSource: r, template: {spec: {source: {registry: {platform: {os: linux}}}}}}"), want: []string{"x-amd64 r-amd64"}},
		"another source beside a null registry":    {template: spec("{managedDataSource: r, template: {spec: {source: {registry: null, http: {url: x}}}}}"), want: []string{"x-amd64 r-amd64"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"a source that this build does not know":   {template: spec("{managedDataSource: r, template: {spec: {source: {tape: {}}}}}"), want: []string{"x-amd64 r-amd64"}, findings: []string{`warning no-registry t.spec.template.spec.source ""`}},
		"architecture and base label are replaced": {template: template("x", "amd64,arm64", "r", ", labels: {template.kubevirt.io/architecture: arm64}"), want: []string{"x-amd64 r-amd64", "x-arm64 r-arm64"}, findings: []string{`warning overridden t.metadata.labels[template.kubevirt.io/architecture] "arm64"`}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := expandYAML(t, tc.template, tc.nodes, tc.accepted...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, made(e)); diff != "" {
				t.Errorf("made (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.findings, summary(append(e.ListFindings, e.Findings...))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

const listOf = "metadata.annotations[ssp.kubevirt.io/dict.architectures]"

func TestExpandCarriesTheWholeSpecAndOfMetadataWhatIsTheTemplates(t *testing.T) {
	e, err := expandYAML(t, `
metadata:
  name: x
  namespace: elsewhere
  uid: not-carried
  resourceVersion: "7"
  finalizers: [not/carried]
  labels: {mine: "1"}
  annotations:
    ssp.kubevirt.io/dict.architectures: arm64
    kubectl.kubernetes.io/last-applied-configuration: "{}"
    operator-sdk/primary-resource: a/b
    a/b~c: kept
spec:
  managedDataSource: r
  tomorrow: {small: 1.50, nothing: null, list: [1, {x: {}}]}
  template:
    tomorrow: x
    metadata: {labels: {inner: "1"}}
    spec:
      tomorrow: x
      source: {registry: {url: "docker://x", tomorrow: 9007199254740993, platform: {architecture: arm64, variant: v8}}}
      storage: {resources: {requests: {storage: 30Gi}}}`, Nodes{})
	if err != nil {
		t.Fatal(err)
	}
	want := object(t, []byte(`{
		"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataImportCron",
		"metadata": {"name": "x-arm64", "namespace": "elsewhere",
			"labels": {"mine": "1", "template.kubevirt.io/architecture": "arm64", "cdi.kubevirt.io/storage.import.datasource-name": "r"},
			"annotations": {"a/b~c": "kept"}},
		"spec": {"managedDataSource": "r-arm64", "tomorrow": {"small": 1.5, "nothing": null, "list": [1, {"x": {}}]},
			"template": {"tomorrow": "x", "metadata": {"labels": {"inner": "1"}}, "spec": {"tomorrow": "x",
				"source": {"registry": {"url": "docker://x", "tomorrow": 9007199254740993, "platform": {"architecture": "arm64", "variant": "v8"}}},
				"storage": {"resources": {"requests": {"storage": "30Gi"}}}}}}}`))
	if diff := cmp.Diff(want, object(t, e.DataImportCrons[0].Object)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExpandKeepsEveryDigit(t *testing.T) {
	raw := []byte(`{"metadata":{"name":"x","annotations":{"ssp.kubevirt.io/dict.architectures":"amd64"}},
		"spec":{"managedDataSource":"r","big":12345678901234567890123,"exact":9007199254740993,"fine":0.10000000000000000001,
		"template":{"spec":{"source":{"registry":{"url":"x"}}}}}}`)
	e, err := Rules{}.Expand(raw, Nodes{}, field.NewPath("t"))
	if err != nil {
		t.Fatal(err)
	}
	checkExpanded(t, raw, e.DataImportCrons[0])
	for _, number := range []string{"12345678901234567890123", "9007199254740993", "0.10000000000000000001"} {
		if !bytes.Contains(e.DataImportCrons[0].Object, []byte(number)) {
			t.Errorf("%s is not in %s", number, e.DataImportCrons[0].Object)
		}
	}
}

func TestWhatIsNoTemplateIsAnError(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"nothing":                   {``, "t: unexpected end of JSON input"},
		"no JSON":                   {`{`, "t: unexpected end"},
		"null":                      {`null`, "t.metadata.name: a template without a name"},
		"a list":                    {`[]`, `template "": t: a JSON array`},
		"a string":                  {`"x"`, `template "": t: a JSON string`},
		"no name":                   {`{"metadata":{},"spec":{}}`, "t.metadata.name: a template without a name"},
		"a generateName":            {`{"metadata":{"generateName":"x-"}}`, "t.metadata.name: a template without a name"},
		"a name of another type":    {`{"metadata":{"name":5}}`, `template "": t.metadata.name: a JSON number`},
		"a list of another type":    {`{"metadata":{"name":"x","annotations":{"ssp.kubevirt.io/dict.architectures":["amd64"]}}}`, `template "x": t.metadata.annotations: a JSON array`},
		"labels of another type":    {`{"metadata":{"name":"x","labels":[]}}`, `template "x": t.metadata.labels: a JSON array`},
		"a spec of another type":    {`{"metadata":{"name":"x"},"spec":"y"}`, `template "x": t.spec: a JSON string`},
		"a source that is a list":   {`{"metadata":{"name":"x"},"spec":{"template":{"spec":{"source":[]}}}}`, `template "x": t.spec.template.spec.source: a JSON array`},
		"a platform that is a name": {`{"metadata":{"name":"x"},"spec":{"template":{"spec":{"source":{"registry":{"platform":"arm64"}}}}}}`, `template "x": t.spec.template.spec.source.registry.platform: a JSON string`},
		"a DataSource of no string": {`{"metadata":{"name":"x"},"spec":{"managedDataSource":{}}}`, `template "x": t.spec.managedDataSource: a JSON object`},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Rules{}.Expand([]byte(tc.raw), Nodes{}, field.NewPath("t"))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v; want one that starts with %q", err, tc.want)
			}
			if diff := cmp.Diff(Expansion{}, e); diff != "" {
				t.Errorf("beside an error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheDefaultIsTheControlPlanesFirstThatTheListHas(t *testing.T) {
	list := []Arch{"arm64", "amd64"}
	for name, tc := range map[string]struct {
		nodes Nodes
		want  Arch
	}{
		"nothing known":            {Nodes{}, "arm64"},
		"control plane":            {Nodes{[]Arch{"arm64"}, []Arch{"amd64"}}, "amd64"},
		"not in the list":          {Nodes{[]Arch{"amd64"}, []Arch{"s390x"}}, "amd64"},
		"none of them in the list": {Nodes{[]Arch{"ppc64le"}, []Arch{"s390x"}}, "arm64"},
	} {
		if got := tc.nodes.Default(list); got != tc.want {
			t.Errorf("%s: %s; want %s", name, got, tc.want)
		}
	}
}

// FuzzExpand: no panic, an object or findings, no field of the spec lost, and
// complete.
func FuzzExpand(f *testing.F) {
	for _, list := range []string{"", "amd64", "arm64, s390x", "arn64,amd64", ","} {
		for _, spec := range []string{
			`{"managedDataSource":"x","a":{"n":12345678901234567890},"template":{"b":null,"spec":{"source":{"registry":{"url":"docker://x"}}}}}`,
			`{"managedDataSource":"x-amd64","template":{"spec":{"source":{"registry":{"platform":{"os":"linux"}}}}}}`,
			`{"managedDataSource":"x","template":{"spec":{"source":{"http":{}}}}}`,
			`{"managedDataSource":"x","template":null}`, `null`, `5`,
		} {
			f.Add(fmt.Appendf(nil, `{"metadata":{"name":"x","annotations":{"ssp.kubevirt.io/dict.architectures":%q,"a/b~c":"d"}},"spec":%s}`, list, spec))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		// Doubled keys do not reach Expand: its input was decoded and encoded.
		var decoded any
		if err := decodeExactly(raw, &decoded); err != nil {
			t.Skip()
		}
		raw, err := json.Marshal(decoded)
		if err != nil {
			t.Skip()
		}
		before := bytes.Clone(raw)
		e, err := Rules{}.Expand(raw, Nodes{}, field.NewPath("t"))
		if !bytes.Equal(before, raw) {
			t.Fatalf("%s became %s", before, raw)
		}
		if err == nil && !e.Multi && len(e.DataImportCrons) != 1 || len(e.Wanted) != len(e.Listed) {
			t.Fatalf("%s: %+v", raw, e)
		}
		for _, x := range e.DataImportCrons {
			checkExpanded(t, raw, x)
		}
	})
}
