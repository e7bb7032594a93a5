package standing

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/pkg/fanout"
)

// plainCron is the DataImportCron that stood for rhel10 before its template had a list.
func plainCron(t *testing.T, by string) *unstructured.Unstructured {
	t.Helper()
	cron := object(t, `
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: rhel10, namespace: kubevirt-os-images}
spec: {managedDataSource: rhel10}
`)
	switch by {
	case BySSPOperator:
		cron.SetLabels(map[string]string{arch.ManagedByLabel: arch.ManagedBySSP})
	case ByDicer:
		cron.SetLabels(map[string]string{arch.ManagedByLabel: fanout.ManagedBy})
		cron.SetAnnotations(map[string]string{fanout.SSPAnnotation: "kubevirt/ssp", fanout.ObjectAnnotation: keyOf(cron).String()})
	}
	return cron
}

func TestAPlainOneBesideAListIsNoted(t *testing.T) {
	const is = "DataImportCron kubevirt-os-images/rhel10: "
	const noted = "note: " + is + "the plain one of a template that has a list; keep it while one of the list's DataSources is not ready, or anything uses DataSource rhel10"
	// Another SSP, whose templates nobody can read.
	unread := func(t *testing.T, _ *unstructured.Unstructured, o *Objects) {
		second := object(t, strings.Replace(ssp, "name: ssp", "name: second", 1))
		set(t, second, "text", "spec", "commonTemplates", "dataImportCronTemplates")
		o.SSPs = append(o.SSPs, second)
	}
	const unreadable = "SSP kubevirt/second: spec.commonTemplates.dataImportCronTemplates: json: cannot unmarshal string into Go value of type []json.RawMessage"
	for name, tc := range map[string]struct {
		by     string
		change func(t *testing.T, plain *unstructured.Unstructured, o *Objects)
		want   []string
	}{
		"by hand": {by: ByOther, want: []string{noted}},
		"by hand, with images that go with it": {
			by: ByOther,
			change: func(t *testing.T, plain *unstructured.Unstructured, _ *Objects) {
				set(t, plain, "None", "spec", "retentionPolicy")
			},
			want: []string{noted + ", which goes with it, and its images too: spec.retentionPolicy is None"},
		},
		"not an SSP operator's, which makes one of every template": {by: BySSPOperator},
		"not dicer's, of which events tell":                        {by: ByDicer},
		"not one that is being deleted": {
			by: ByOther,
			change: func(t *testing.T, plain *unstructured.Unstructured, _ *Objects) {
				set(t, plain, "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp")
			},
		},
		"not one that declares an architecture by a list": {
			by: ByOther,
			change: func(_ *testing.T, plain *unstructured.Unstructured, _ *Objects) {
				plain.SetAnnotations(map[string]string{arch.ListAnnotation: "arm64"})
			},
		},
		"not where an SSP that may ask for it cannot be read": {by: ByOther, change: unread, want: []string{unreadable}},
		"nor is an SSP operator's unasked for there":          {by: BySSPOperator, change: unread, want: []string{unreadable}},
		"once for two templates": {
			by: ByOther,
			change: func(t *testing.T, _ *unstructured.Unstructured, o *Objects) {
				o.SSPs = append(o.SSPs, object(t, strings.Replace(ssp, "name: ssp", "name: second", 1)))
			},
			want: []string{noted},
		},
		"not that which another SSP's template asks for": {
			by: ByOther,
			change: func(t *testing.T, plain *unstructured.Unstructured, o *Objects) {
				second := object(t, strings.NewReplacer("name: ssp", "name: second", "amd64,arm64", "").Replace(ssp))
				whole := stand(t, second)
				*plain = *whole.DataImportCrons[0]
				o.SSPs, o.DataSources = append(o.SSPs, second), append(o.DataSources, whole.DataSources...)
			},
		},
		"not one of another DataSource": {
			by: ByOther,
			change: func(t *testing.T, plain *unstructured.Unstructured, _ *Objects) {
				set(t, plain, "other", "spec", "managedDataSource")
			},
		},
		"not one that declares an architecture": {
			by: ByOther,
			change: func(_ *testing.T, plain *unstructured.Unstructured, _ *Objects) {
				plain.SetLabels(map[string]string{arch.ArchitectureLabel: "amd64"})
			},
		},
		"not where other SSPs have not been read": {
			by:     ByOther,
			change: func(_ *testing.T, _ *unstructured.Unstructured, o *Objects) { o.OneNamespace = true },
		},
		"not one of another namespace": {
			by: ByOther,
			change: func(_ *testing.T, plain *unstructured.Unstructured, _ *Objects) {
				plain.SetNamespace("elsewhere")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := stand(t, object(t, ssp))
			plain := plainCron(t, tc.by)
			in.DataImportCrons = append(in.DataImportCrons, plain)
			if tc.change != nil {
				tc.change(t, plain, &in)
			}
			report := Compare(&admission.Policy{}, in)
			got, _ := all(report)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if noted := len(got) > 0 && strings.HasPrefix(got[0], "note: "); noted && report.Problems != 0 {
				t.Errorf("the note is counted: %d problems", report.Problems)
			}
		})
	}
}

// TestNotesComeAfterAllProblems has one about the first of two templates.
func TestNotesComeAfterAllProblems(t *testing.T) {
	imported := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	plain := DataImportCron{Name: "a", Present: true, By: ByOther, DataSource: "a", UpToDate: true, Ready: true, LastImport: &imported, Note: "remove it"}
	missing := func(name string) DataImportCron {
		return DataImportCron{Architecture: "arm64", Name: name, DataSource: name, Problems: []string{"missing"}}
	}
	report := Report{Templates: []Template{
		{SSP: "kubevirt/ssp", Namespace: "os", Name: "a", DataImportCrons: []DataImportCron{missing("a-arm64"), plain}},
		{SSP: "kubevirt/ssp", Namespace: "os", Name: "b", DataImportCrons: []DataImportCron{missing("b-arm64")}},
	}}
	report.finish()
	for format, want := range map[string]string{
		"table": `problem: DataImportCron os/a-arm64: missing
problem: DataImportCron os/b-arm64: missing
note: DataImportCron os/a: remove it

NAMESPACE   TEMPLATE   ARM64     PLAIN
os          a          MISSING   not asked for, other, 2d ago
os          b          MISSING   -
`,
		"wide": `SSP            NAMESPACE   TEMPLATE   ARCHITECTURE   DATAIMPORTCRON   BY      UP TO DATE   DATASOURCE   READY   LAST IMPORT      PROBLEMS
kubevirt/ssp   os          a          arm64          a-arm64          -       no           a-arm64      no      never imported   missing
kubevirt/ssp   os          a          -              a                other   yes          a            yes     2d ago           note: remove it
kubevirt/ssp   os          b          arm64          b-arm64          -       no           b-arm64      no      never imported   missing
`,
		"json": `      "name": "a",
          "present": true,
          "by": "other",
          "upToDate": true,
          "importing": false,
          "dataSource": "a",
          "ready": true,
          "lastImport": "2026-01-01T00:00:00Z",
          "note": "remove it"
`,
		"yaml": `    name: a
    note: remove it
    present: true
`,
	} {
		var out bytes.Buffer
		if err := report.Write(&out, format, []string{"arm64"}, imported.Add(48*time.Hour), false); err != nil {
			t.Fatal(err)
		}
		if whole := format == "table" || format == "wide"; whole && out.String() != want || !strings.Contains(out.String(), want) {
			t.Errorf("%s: want %s\nhave %s", format, want, out.String())
		}
	}
}
