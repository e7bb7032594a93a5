package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func TestKillEndsACommandThatSIGSTOPHolds(t *testing.T) {
	p, err := startProcess(exec.Command("sleep", "60"), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Command{process: p}
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	if err := c.Signal(syscall.SIGCONT); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal afterwards: %v", err)
	}
}

func TestTheSumOfSamples(t *testing.T) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(`
# TYPE writes_total counter
writes_total{verb="create",result="ok"} 2
writes_total{verb="create",result="error"} 1
writes_total{verb="delete",result="ok"} 4
# TYPE objects gauge
objects 8
# TYPE seconds histogram
seconds_bucket{le="+Inf"} 1
seconds_sum 1
seconds_count 1
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		metric string
		labels map[string]string
		want   float64
	}{
		"all of a counter":     {metric: "writes_total", want: 7},
		"by one label of two":  {metric: "writes_total", labels: map[string]string{"verb": "create"}, want: 3},
		"by both":              {metric: "writes_total", labels: map[string]string{"verb": "create", "result": "error"}, want: 1},
		"a value that is not":  {metric: "writes_total", labels: map[string]string{"verb": "patch"}},
		"a label that is not":  {metric: "objects", labels: map[string]string{"verb": ""}},
		"a gauge":              {metric: "objects", want: 8},
		"a metric that is not": {metric: "reads_total"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := sum(families[tc.metric], tc.labels); err != nil || got != tc.want {
				t.Errorf("%v, %v; want %v", got, err, tc.want)
			}
		})
	}
	if _, err := sum(families["seconds"], nil); err == nil {
		t.Error("a histogram has a sum")
	}
}
