package fanout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// The gauges without an SSP, and those of the templates of three and four below.
const (
	noGauges = `
# HELP dicer_fanout_present Wanted DataImportCrons that stand with the spec that is asked for.
# TYPE dicer_fanout_present gauge
dicer_fanout_present 0
# HELP dicer_fanout_wanted DataImportCrons that the SSPs ask dicer for.
# TYPE dicer_fanout_wanted gauge
dicer_fanout_wanted 0
`
	ofTemplates = `
# HELP dicer_fanout_template_warnings Warnings about SSPs and their templates as they are now, by the reason of the event on the SSP.
# TYPE dicer_fanout_template_warnings gauge
dicer_fanout_template_warnings{reason="InvalidList"} 3
# HELP dicer_fanout_templates_without_nodes Templates whose list names an architecture that spec.cluster has no node of, by that architecture.
# TYPE dicer_fanout_templates_without_nodes gauge
dicer_fanout_templates_without_nodes{architecture="arm64"} 1
dicer_fanout_templates_without_nodes{architecture="s390x"} 3
`
)

const noMetrics = `
# HELP dicer_fanout_created_total DataImportCrons created.
# TYPE dicer_fanout_created_total counter
dicer_fanout_created_total 0
# HELP dicer_fanout_deleted_total DataImportCrons deleted, by reason (replaced, unwanted).
# TYPE dicer_fanout_deleted_total counter
dicer_fanout_deleted_total{reason="replaced"} 0
dicer_fanout_deleted_total{reason="unwanted"} 0
` + noGauges

func TestMetricsAreTheSumOverAllSSPs(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(want string) {
		t.Helper()
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	compare(noMetrics)
	one, two := types.NamespacedName{Namespace: "a", Name: "ssp"}, types.NamespacedName{Namespace: "b", Name: "ssp"}
	three, four := types.NamespacedName{Namespace: "c", Name: "ssp"}, types.NamespacedName{Namespace: "d", Name: "ssp"}
	m.set(one, &counts{wanted: 4, present: 1, failed: map[Reason]int{ReasonForeign: 2, ReasonContested: 1}})
	m.set(two, &counts{wanted: 1, present: 0, failed: map[Reason]int{ReasonForeign: 1}})
	m.set(two, &counts{wanted: 1, present: 1, failed: map[Reason]int{ReasonForeign: 3}})
	m.set(three, &counts{templates: map[Reason]int{ReasonInvalidList: 1}, withoutNodes: map[arch.Arch]int{"s390x": 2}})
	m.set(four, &counts{templates: map[Reason]int{ReasonInvalidList: 2}, withoutNodes: map[arch.Arch]int{"s390x": 1, "arm64": 1}})
	m.created.Inc()
	m.deleted.WithLabelValues(deletedUnwanted).Inc()
	compare(`
# HELP dicer_fanout_created_total DataImportCrons created.
# TYPE dicer_fanout_created_total counter
dicer_fanout_created_total 1
# HELP dicer_fanout_deleted_total DataImportCrons deleted, by reason (replaced, unwanted).
# TYPE dicer_fanout_deleted_total counter
dicer_fanout_deleted_total{reason="replaced"} 0
dicer_fanout_deleted_total{reason="unwanted"} 1
# HELP dicer_fanout_failed DataImportCrons and DataSources that cannot be as they are asked for, by the reason of the event on the SSP.
# TYPE dicer_fanout_failed gauge
dicer_fanout_failed{reason="Contested"} 1
dicer_fanout_failed{reason="Foreign"} 5
# HELP dicer_fanout_present Wanted DataImportCrons that stand with the spec that is asked for.
# TYPE dicer_fanout_present gauge
dicer_fanout_present 2
` + ofTemplates + `# HELP dicer_fanout_wanted DataImportCrons that the SSPs ask dicer for.
# TYPE dicer_fanout_wanted gauge
dicer_fanout_wanted 5
`)
	m.set(one, nil)
	compareGauges := func(want string) {
		t.Helper()
		if err := testutil.CollectAndCompare(m, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	compareGauges(`
# HELP dicer_fanout_failed DataImportCrons and DataSources that cannot be as they are asked for, by the reason of the event on the SSP.
# TYPE dicer_fanout_failed gauge
dicer_fanout_failed{reason="Foreign"} 3
# HELP dicer_fanout_present Wanted DataImportCrons that stand with the spec that is asked for.
# TYPE dicer_fanout_present gauge
dicer_fanout_present 1
` + ofTemplates + `# HELP dicer_fanout_wanted DataImportCrons that the SSPs ask dicer for.
# TYPE dicer_fanout_wanted gauge
dicer_fanout_wanted 1
`)
	// After the lead is lost.
	m.reset()
	compareGauges(noGauges)
	if got := testutil.ToFloat64(m.created); got != 1 {
		t.Errorf("after the lead is lost the counter shows %v; want 1", got)
	}
	if _, err := NewMetrics(registry); err == nil {
		t.Error("the metrics are registered twice")
	}
}

// TestAScrapeNeverMeetsHalfOfAChange is of a gauge that would be gone for a
// moment, and end an alert, whenever an SSP is looked at.
func TestAScrapeNeverMeetsHalfOfAChange(t *testing.T) {
	m, err := NewMetrics(prometheus.NewPedanticRegistry())
	if err != nil {
		t.Fatal(err)
	}
	key := types.NamespacedName{Namespace: "a", Name: "ssp"}
	failed := func() *counts { return &counts{failed: map[Reason]int{ReasonForeign: 1}} }
	m.set(key, failed())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10_000 {
			m.set(key, failed())
		}
	}()
	for {
		if got := testutil.CollectAndCount(m, "dicer_fanout_failed"); got != 1 {
			t.Fatalf("a scrape has %d series of failures; want 1", got)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	m.set(types.NamespacedName{Namespace: "a", Name: "b"}, &counts{
		failed: map[Reason]int{ReasonForeign: 1}, templates: map[Reason]int{ReasonInvalidList: 1}, withoutNodes: map[arch.Arch]int{"arm64": 1},
	})
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// TestWhatAnSSPSaysIsCounted is of what is made of no DataImportCron, and so is no
// failure of one.
func TestWhatAnSSPSaysIsCounted(t *testing.T) {
	const nodes = "cluster: {workloadArchitectures: [amd64], controlPlaneArchitectures: [arm64]}"
	templates := strings.Join([]string{
		tmpl("a", "amd64,s390x", "a", "docker://a"),
		tmpl("b", "s390x", "b", "docker://b"),
		tmpl("c", "amd64,arn64,arm64", "c", "docker://c"),
		tmpl("d", "", "d", "docker://d"),
	}, ", ")
	for name, tc := range map[string]struct {
		spec         string
		withoutNodes map[arch.Arch]int
		warnings     map[Reason]int
	}{
		"with nodes of two architectures": {nodes, map[arch.Arch]int{"s390x": 2}, map[Reason]int{ReasonInvalidList: 1, ReasonNoArchitectureLeft: 1}},
		"where nothing is known of nodes": {"scale: {}", map[arch.Arch]int{}, map[Reason]int{ReasonInvalidList: 1}},
		"where the SSP operator decides":  {nodes + ", enableMultipleArchitectures: true", map[arch.Arch]int{}, map[Reason]int{ReasonInvalidList: 1, ReasonNoArchitectureLeft: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			ssp := parse(t, "{apiVersion: ssp.kubevirt.io/v1beta3, kind: SSP, metadata: {name: ssp, namespace: kubevirt, uid: u}, spec: {"+
				tc.spec+", commonTemplates: {dataImportCronTemplates: ["+templates+"]}}}")
			p := benchPlanner().plan(&unstructured.Unstructured{Object: ssp})
			if diff := cmp.Diff(tc.withoutNodes, p.withoutNodes); diff != "" {
				t.Errorf("architectures without nodes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, p.notes.warnings()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
