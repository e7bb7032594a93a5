package standing

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/pkg/fanout"
)

const ssp = `
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: ssp, namespace: kubevirt}
spec:
  commonTemplates:
    dataImportCronTemplates:
    - metadata:
        name: rhel10
        annotations: {ssp.kubevirt.io/dict.architectures: "amd64,arm64"}
      spec:
        managedDataSource: rhel10
        schedule: 0 0 * * 2
        retentionPolicy: None
        template:
          metadata: {}
          spec:
            source: {registry: {url: "docker://quay.io/example/rhel10"}}
            storage: {resources: {requests: {storage: 1Gi}}}
`

func object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func set(t *testing.T, o *unstructured.Unstructured, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		t.Fatal(err)
	}
}

// stand returns what stands once all is well: made by the SSP operator, imported, as
// an API server returns it.
func stand(t *testing.T, ssps ...*unstructured.Unstructured) Objects {
	t.Helper()
	out := Objects{SSPs: ssps}
	for _, ssp := range ssps {
		templates, _, err := unstructured.NestedSlice(ssp.Object, "spec", "commonTemplates", "dataImportCronTemplates")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range expanded(t, templates) {
			cron := &unstructured.Unstructured{}
			if err := cron.UnmarshalJSON(x.Object); err != nil {
				t.Fatal(err)
			}
			cron.SetLabels(merge(cron.GetLabels(), map[string]string{arch.ManagedByLabel: arch.ManagedBySSP}))
			set(t, cron, int64(3), "spec", "importsToKeep") // a default
			set(t, cron, conditions("UpToDate", "True", "Progressing", "False"), "status", "conditions")
			set(t, cron, "2026-01-01T00:00:00Z", "status", "lastImportTimestamp")
			out.DataImportCrons = append(out.DataImportCrons, cron)
			source := object(t, "apiVersion: cdi.kubevirt.io/v1beta1\nkind: DataSource\nmetadata: {name: "+x.ManagedDataSource+", namespace: "+x.Namespace+"}\n")
			set(t, source, conditions("Ready", "True"), "status", "conditions")
			out.DataSources = append(out.DataSources, source)
		}
	}
	return out
}

func expanded(t *testing.T, templates []any) []arch.Expanded {
	t.Helper()
	var all []arch.Expanded
	for _, template := range templates {
		raw, err := yaml.Marshal(template)
		if err == nil {
			raw, err = yaml.YAMLToJSON(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		e, err := arch.Rules{}.Expand(raw, arch.Nodes{}, field.NewPath("t"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.DataImportCrons...)
	}
	return all
}

func merge(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for key, value := range m {
			out[key] = value
		}
	}
	return out
}

func conditions(pairs ...string) []any {
	var all []any
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, map[string]any{"type": pairs[i], "status": pairs[i+1], "message": "since yesterday"})
	}
	return all
}

// all are the problems and then the notes of a report, with who made what.
func all(r Report) (problems, by []string) {
	for _, t := range r.Templates {
		problems = append(problems, t.all()...)
		for _, note := range t.notes() {
			problems = append(problems, "note: "+note)
		}
		for _, d := range t.DataImportCrons {
			by = append(by, d.By)
		}
	}
	return problems, by
}

func TestCompare(t *testing.T) {
	const operator = BySSPOperator
	for name, tc := range map[string]struct {
		change   func(t *testing.T, o *Objects)
		problems []string
		by       []string
	}{
		"all is well": {change: func(*testing.T, *Objects) {}, by: []string{operator, operator}},
		"one is missing": {
			change:   func(_ *testing.T, o *Objects) { o.DataImportCrons = o.DataImportCrons[:1] },
			problems: []string{"DataImportCron kubevirt-os-images/rhel10-arm64: missing"}, by: []string{operator, ""},
		},
		"made by dicer": {
			change: func(_ *testing.T, o *Objects) {
				cron := o.DataImportCrons[0]
				cron.SetLabels(merge(cron.GetLabels(), map[string]string{arch.ManagedByLabel: fanout.ManagedBy}))
				cron.SetAnnotations(map[string]string{fanout.SSPAnnotation: "kubevirt/ssp", fanout.ObjectAnnotation: keyOf(cron).String()})
			},
			by: []string{ByDicer, operator},
		},
		"a copy of dicer's": {
			change: func(_ *testing.T, o *Objects) {
				cron := o.DataImportCrons[0]
				cron.SetLabels(merge(cron.GetLabels(), map[string]string{arch.ManagedByLabel: fanout.ManagedBy}))
				cron.SetAnnotations(map[string]string{fanout.SSPAnnotation: "kubevirt/ssp", fanout.ObjectAnnotation: "elsewhere/rhel10-amd64"})
			},
			by: []string{ByOther, operator},
		},
		"another spec": {
			change: func(t *testing.T, o *Objects) {
				set(t, o.DataImportCrons[0], "docker://other", "spec", "template", "spec", "source", "registry", "url")
				set(t, o.DataImportCrons[0], "1024Mi", "spec", "template", "spec", "storage", "resources", "requests", "storage") // the same
			},
			problems: []string{"DataImportCron kubevirt-os-images/rhel10-amd64: spec.template.spec.source.registry.url differs from what the template asks for"}, by: []string{operator, operator},
		},
		"a platform that is not stored": {
			change: func(_ *testing.T, o *Objects) {
				unstructured.RemoveNestedField(o.DataImportCrons[1].Object, "spec", "template", "spec", "source", "registry", "platform")
			},
			problems: []string{"DataImportCron kubevirt-os-images/rhel10-arm64: spec.template.spec.source.registry.platform.architecture differs from what the template asks for"}, by: []string{operator, operator},
		},
		"written by hand": {
			change: func(_ *testing.T, o *Objects) {
				o.DataImportCrons[0].SetLabels(nil)
				o.DataImportCrons[0].SetAnnotations(map[string]string{arch.ListAnnotation: "amd64"})
			},
			problems: []string{
				"DataImportCron kubevirt-os-images/rhel10-amd64: annotation ssp.kubevirt.io/dict.architectures differs from what the template asks for",
				"DataImportCron kubevirt-os-images/rhel10-amd64: label cdi.kubevirt.io/storage.import.datasource-name differs from what the template asks for",
				"DataImportCron kubevirt-os-images/rhel10-amd64: label template.kubevirt.io/architecture differs from what the template asks for",
			},
			by: []string{ByOther, operator},
		},
		"an image that is not imported": {
			change: func(t *testing.T, o *Objects) {
				set(t, o.DataImportCrons[0], conditions("UpToDate", "False"), "status", "conditions")
				set(t, o.DataSources[0], conditions("Ready", "False"), "status", "conditions")
			},
			problems: []string{
				"DataImportCron kubevirt-os-images/rhel10-amd64: CDI has not imported the latest image: since yesterday",
				"DataImportCron kubevirt-os-images/rhel10-amd64: DataSource rhel10-amd64 is not ready: since yesterday",
			},
			by: []string{operator, operator},
		},
		"an import on its way is none": {
			change: func(t *testing.T, o *Objects) {
				set(t, o.DataImportCrons[0], conditions("UpToDate", "False", "Progressing", "True"), "status", "conditions")
				o.DataSources = o.DataSources[1:]
			},
			by: []string{operator, operator},
		},
		"no status and no DataSource": {
			change: func(_ *testing.T, o *Objects) {
				delete(o.DataImportCrons[0].Object, "status")
				o.DataSources = o.DataSources[1:]
			},
			problems: []string{"DataImportCron kubevirt-os-images/rhel10-amd64: CDI has not imported the latest image", "DataImportCron kubevirt-os-images/rhel10-amd64: DataSource rhel10-amd64 is missing"},
			by:       []string{operator, operator},
		},
		"no nodes for one, which nothing asks for then": {
			change: func(t *testing.T, o *Objects) {
				set(t, o.SSPs[0], []any{"amd64"}, "spec", "cluster", "workloadArchitectures")
			},
			problems: []string{"DataImportCron kubevirt-os-images/rhel10-arm64: no template asks for it"}, by: []string{operator, operator},
		},
		"an operator's of a template's name, which has the template's label, say": {
			change: func(_ *testing.T, o *Objects) {
				plain := o.DataImportCrons[0].DeepCopy()
				plain.SetName("rhel10")
				o.DataImportCrons = append(o.DataImportCrons, plain)
			},
			by: []string{operator, operator},
		},
		"somebody else's besides": {
			change: func(_ *testing.T, o *Objects) {
				other := o.DataImportCrons[0].DeepCopy()
				other.SetName("other")
				other.SetLabels(nil)
				o.DataImportCrons = append(o.DataImportCrons, other)
			},
			by: []string{operator, operator},
		},
		"the SSP of another namespace asks": {
			change: func(_ *testing.T, o *Objects) { o.SSPs, o.OneNamespace = nil, true },
		},
		"an SSP that cannot be read": {
			change: func(t *testing.T, o *Objects) {
				set(t, o.SSPs[0], "text", "spec", "commonTemplates", "dataImportCronTemplates")
				o.DataImportCrons = nil
			},
			problems: []string{"SSP kubevirt/ssp: spec.commonTemplates.dataImportCronTemplates: json: cannot unmarshal string into Go value of type []json.RawMessage"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := stand(t, object(t, ssp))
			tc.change(t, &in)
			problems, by := all(Compare(&admission.Policy{}, in))
			if diff := cmp.Diff(tc.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.by, by); diff != "" {
				t.Errorf("by whom (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAWrongListIsAProblemOfItsTemplate has the valid item beside a typo stand, in an
// SSP of HCO's, too.
func TestAWrongListIsAProblemOfItsTemplate(t *testing.T) {
	wrong := object(t, strings.Replace(ssp, "amd64,arm64", "amd64,arn64", 1))
	wrong.SetLabels(map[string]string{arch.ManagedByLabel: arch.ManagedByHCO})
	problems, _ := all(Compare(&admission.Policy{}, stand(t, wrong)))
	want := []string{`SSP kubevirt/ssp: template "rhel10": dict.architectures: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// mixed has a template in which all is well, one with a problem, and one without a
// list.
func mixed(t *testing.T) Report {
	t.Helper()
	text := strings.Replace(ssp, "    - metadata:\n        name: rhel10", "    - metadata: {name: centos}\n      spec: {managedDataSource: centos, schedule: 0 0 * * 2, template: {spec: {source: {registry: {url: \"docker://x\"}}}}}\n    - metadata:\n        name: rhel10", 1)
	in := stand(t, object(t, text))
	in.DataImportCrons = in.DataImportCrons[:2]
	return Compare(&admission.Policy{}, in)
}

func TestWriteHasProblemsFirst(t *testing.T) {
	now := time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	for format, want := range map[string]string{
		"table": `problem: DataImportCron kubevirt-os-images/rhel10-arm64: missing

NAMESPACE            TEMPLATE   AMD64                            ARM64     PLAIN
kubevirt-os-images   rhel10     ready, SSP operator, 2d12h ago   MISSING   -
kubevirt-os-images   centos     -                                -         ready, SSP operator, 2d12h ago
`,
		"wide": `SSP            NAMESPACE            TEMPLATE   ARCHITECTURE   DATAIMPORTCRON   BY             UP TO DATE   DATASOURCE     READY   LAST IMPORT      PROBLEMS
kubevirt/ssp   kubevirt-os-images   rhel10     amd64          rhel10-amd64     SSP operator   yes          rhel10-amd64   yes     2d12h ago        -
kubevirt/ssp   kubevirt-os-images   rhel10     arm64          rhel10-arm64     -              no           rhel10-arm64   no      never imported   missing
kubevirt/ssp   kubevirt-os-images   centos     -              centos           SSP operator   yes          centos         yes     2d12h ago        -
`,
		"yaml": `problems: 1
templates:
- dataImportCrons:
  - architecture: amd64
    by: SSP operator
    dataSource: rhel10-amd64
    importing: false
    lastImport: "2026-01-01T00:00:00Z"
    name: rhel10-amd64
    present: true
    ready: true
    upToDate: true
  - architecture: arm64
    dataSource: rhel10-arm64
    importing: false
    name: rhel10-arm64
    present: false
    problems:
    - missing
    ready: false
    upToDate: false
  name: rhel10
  namespace: kubevirt-os-images
  ssp: kubevirt/ssp
- dataImportCrons:
  - by: SSP operator
    dataSource: centos
    importing: false
    lastImport: "2026-01-01T00:00:00Z"
    name: centos
    present: true
    ready: true
    upToDate: true
  name: centos
  namespace: kubevirt-os-images
  ssp: kubevirt/ssp
`,
	} {
		t.Run(format, func(t *testing.T) {
			report := mixed(t)
			var out bytes.Buffer
			if err := report.Write(&out, format, []string{"amd64", "arm64", "s390x"}, now, false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingStandsAndNothingIsAskedFor(t *testing.T) {
	for format, want := range map[string]string{
		"json":  "{\n  \"templates\": [],\n  \"problems\": 0\n}\n",
		"table": "No SSP has a template.\n",
		"wide":  "No SSP has a template.\n",
	} {
		report := Compare(&admission.Policy{}, Objects{})
		var out bytes.Buffer
		if err := report.Write(&out, format, nil, time.Time{}, false); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%s: %s; want %s", format, out.String(), want)
		}
	}
}
