package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/hack/load/contestant"
	"github.com/dicer-dev/dicer/hack/load/drive"
	"github.com/dicer-dev/dicer/hack/load/process"
	"github.com/dicer-dev/dicer/hack/load/report"
	"github.com/dicer-dev/dicer/hack/load/review"
	"github.com/dicer-dev/dicer/test/cluster"
)

// TestMain is also the servers that the tests start: they are this binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(exitCode(context.Background(), run(context.Background(), os.Args[1:], &output{Writer: os.Stdout}), os.Stderr))
	}
	os.Exit(m.Run())
}

func write(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// built is dicer's server.
func built(t *testing.T) string {
	t.Helper()
	file, err := cluster.BuildWebhook(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestServersAndSoak(t *testing.T) {
	webhook := built(t)
	t.Run("servers are compared", func(t *testing.T) { compare(t, webhook) })
	t.Run("a plot is written", func(t *testing.T) { draw(t, webhook) })
	t.Run("a soak", func(t *testing.T) { soakShortly(t, webhook) })
	t.Run("Ctrl-C leaves nothing", func(t *testing.T) { interrupt(t, webhook) })
}

func compare(t *testing.T, webhook string) {
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"server", "-webhook", webhook, "-rounds", "1", "-duration", "10ms", "-callers", "1,3", "-bodies", "2", "-o", "json"},
		&output{Writer: &stdout, progress: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	var result report.Result
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Cells) != 6 {
		t.Errorf("%d cells; want 6", len(result.Cells))
	}
	for _, c := range result.Cells {
		if len(c.Contestants) != 4 || len(c.Ratios) != 3 {
			t.Errorf("%v: %d servers, %d ratios; want 4, 3", c.Dimensions, len(c.Contestants), len(c.Ratios))
		}
		for _, s := range c.Contestants {
			for _, name := range []string{throughput, p50, p99} {
				if s.Metrics[name].Median <= 0 {
					t.Errorf("%v: %s of %s is %v", c.Dimensions, name, s.Name, s.Metrics[name])
				}
			}
		}
	}
	if !strings.HasPrefix(stderr.String(), "load: 1 of 24: ") {
		t.Errorf("progress %q", stderr.String())
	}
}

func draw(t *testing.T, webhook string) {
	plot := filepath.Join(t.TempDir(), "plot.svg")
	var stdout bytes.Buffer
	err := run(t.Context(), []string{"server", "-webhook", webhook, "-rounds", "2", "-duration", "5ms", "-callers", "2", "-bodies", "10", "-connections", "h2", "-servers", "typed", "-plot", plot},
		&output{Writer: &stdout, progress: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nconnection h2, callers 2, body 10 KB\n  typed ", "\n  dicer ", "reviews/s"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	if svg, err := os.ReadFile(plot); err != nil || !bytes.Contains(svg, []byte("</svg>")) {
		t.Errorf("plot of %d bytes, error %v", len(svg), err)
	}
}

func soakShortly(t *testing.T, webhook string) {
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"soak", "-webhook", webhook, "-reviews", "200", "-starts", "1", "-ssps", "2"}, &output{Writer: &stdout, progress: io.Discard}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"binary", "until ready", "until the first answer"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
}

func interrupt(t *testing.T, webhook string) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err := run(ctx, []string{"server", "-webhook", webhook, "-duration", "10s"}, &output{Writer: io.Discard, progress: io.Discard})
	if err == nil || exitCode(ctx, err, io.Discard) != 130 {
		t.Errorf("error %v; want one of the interrupt", err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

// TestAWrongAnswerIsToldOf has a server answer with another one's patch.
func TestAWrongAnswerIsToldOf(t *testing.T) {
	r, err := review.DataImportCron(2000)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		status int
		patch  string
		want   string
	}{
		"a wrong patch":  {200, `[{"op":"add","path":"/spec/managedDataSource","value":"rhel10-s390x"}]`, "does not make the completed object"},
		"another status": {500, `[]`, "status 500"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				var in struct{ Request struct{ UID string } }
				if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
					t.Error(err)
				}
				w.WriteHeader(tc.status)
				answer := map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": map[string]any{
					"uid": in.Request.UID, "allowed": true, "patchType": "JSONPatch", "patch": []byte(tc.patch),
				}}
				if err := json.NewEncoder(w).Encode(answer); err != nil {
					t.Error(err)
				}
			}))
			wrong.EnableHTTP2 = true
			wrong.StartTLS()
			defer wrong.Close()
			idle, err := process.Start(process.Options{Name: dicer, Binary: "/bin/sleep", Args: []string{"60"}, Log: filepath.Join(t.TempDir(), "log")})
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Stop()
			c := &comparison{
				options: &serverOptions{Rounds: 1, Duration: time.Millisecond, Connections: []string{"h2"}, Callers: []int{2}, Bodies: []int{2}},
				reviews: []*review.Review{r},
				answers: map[string]*review.Answers{key(dicer, 0): review.NewAnswers(r, contracts[dicer])},
				servers: []*server{{Process: idle, name: dicer, target: drive.Target{URL: wrong.URL + contestant.Path, Certificate: wrong.Certificate().Raw}}},
			}
			_, err = c.measure(t.Context(), &output{Writer: io.Discard, progress: io.Discard})
			if err == nil || !strings.HasPrefix(err.Error(), "dicer (h2, 2 callers, 2 KB): ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v; want %q", err, tc.want)
			}
		})
	}
}
