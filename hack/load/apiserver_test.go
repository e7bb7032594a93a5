package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/hack/load/report"
)

// writesByKind are the contestants of each kind of write, with the calls of
// webhooks that each write brings.
var writesByKind = map[string]map[string]float64{
	"complete DataImportCron":   {"none": 0, "policy": 0, "noop": 1, "typed": 1, "dicer": 0},
	"undeclared DataImportCron": {"none": 0, "policy": 0, "noop": 1, "typed": 1, "dicer": 0},
	"incomplete DataImportCron": {"none": 0, "policy": 0, "noop": 1, "typed": 1, "dicer": 1},
	"SSP, templates alone":      {"none": 0, "noop": 1, "dicer": 0},
	"SSP, template changed":     {"none": 0, "noop": 1, "dicer": 1},
}

func TestWritesThroughAnAPIServer(t *testing.T) {
	webhook := built(t)
	plot := filepath.Join(t.TempDir(), "plot.svg")
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"apiserver", "-webhook", webhook, "-rounds", "1", "-writes", "5", "-callers", "1", "-o", "json", "-plot", plot},
		&output{Writer: &stdout, progress: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	var result report.Result
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]float64{}
	for _, c := range result.Cells {
		calls := map[string]float64{}
		for _, contestant := range c.Contestants {
			for _, metric := range []string{throughput, p50, p99} {
				if contestant.Metrics[metric].Median <= 0 {
					t.Errorf("%v: %s of %s is %v", c.Dimensions, metric, contestant.Name, contestant.Metrics[metric])
				}
			}
			// What the API server repeats counts again.
			calls[contestant.Name] = min(1, contestant.Metrics["webhook_calls_per_write"].Median)
		}
		if len(c.Ratios) != len(calls)-1 {
			t.Errorf("%v: %d ratios of %d contestants", c.Dimensions, len(c.Ratios), len(calls))
		}
		got[c.Dimensions["write"]] = calls
	}
	if diff := cmp.Diff(writesByKind, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if !strings.Contains(stderr.String(), "load: 1 of 21: ") {
		t.Errorf("progress %q", stderr.String())
	}
	if svg, err := os.ReadFile(plot); err != nil || !bytes.Contains(svg, []byte("</svg>")) {
		t.Errorf("plot of %d bytes, error %v", len(svg), err)
	}
}

func TestCtrlCAtAnAPIServerLeavesNothing(t *testing.T) {
	webhook := built(t)
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	err := run(ctx, []string{"apiserver", "-webhook", webhook}, &output{Writer: io.Discard, progress: writerFunc(func(line string) {
		if strings.Contains(line, "load: 1 of ") {
			interrupt()
		}
	})})
	if err == nil || exitCode(ctx, err, io.Discard) != 130 {
		t.Errorf("error %v; want one of the interrupt", err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

type writerFunc func(line string)

func (f writerFunc) Write(line []byte) (int, error) {
	f(string(line))
	return len(line), nil
}

func TestAPIServerOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "webhook")
	write(t, file)
	o, err := newAPIServerOptions([]string{"-webhook", file, "-rounds", "", "-writes", "", "-callers", "", "-o", ""}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&apiserverOptions{common: common{Webhook: file, Format: "text"}, Rounds: 6, Writes: 300, Callers: []int{1, 4, 16}}, o, cmp.AllowUnexported(apiserverOptions{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, args := range [][]string{{"-rounds", "0"}, {"-writes", "many"}, {"-callers", "1,0"}} {
		want := `invalid value "` + args[1] + `" for ` + args[0]
		if _, err := newAPIServerOptions(append([]string{"-webhook", file}, args...), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %s", err, want)
		}
	}
}
