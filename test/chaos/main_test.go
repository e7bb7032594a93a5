//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// defaultMinutes is about what all cases take with the counts below.
const defaultMinutes = 10.0

// stretch multiplies the counts: CHAOS_MINUTES by defaultMinutes.
var stretch = 1.0

// results are what TestMain prints last.
var results []result

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	if value := os.Getenv("CHAOS_MINUTES"); value != "" {
		minutes, err := strconv.ParseFloat(value, 64)
		if err != nil || !(minutes > 0) {
			fmt.Fprintf(os.Stderr, "CHAOS_MINUTES is %q; want a number of minutes\n", value)
			os.Exit(2)
		}
		stretch = minutes / defaultMinutes
	}
	// An API server would ask a proxy of the environment for a Service.
	if err := os.Setenv("NO_PROXY", "*"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	code := m.Run()
	fmt.Print(table(results))
	os.Exit(code)
}

// times is a count, stretched.
func times(n int) int { return max(1, int(math.Ceil(float64(n)*stretch))) }

// cases are run in this order, with one API server.
var cases = []struct {
	name string
	run  func(*testing.T, *suite)
}{
	{"rolling restarts, called by Service", testRestartsByService},
	{"rolling restarts, called by URL", testRestartsByURL},
	{"SIGTERM with 1,000 requests in flight", testInFlight},
	{"SIGKILL of a replica", testKilled},
	{"leaf replaced, and bad files", testLeaf},
	{"CA replaced, bundles overlapping", testAuthority},
	{"leaf expires in service", testExpiry},
	{"API server restarted", testAPIServer},
	{"etcd stopped for 20 s", testEtcd},
	{"fan-out killed, and failed over", testFanout},
}

// TestChaos goes on after a case that fails. Ctrl-C, and a time that no run should
// need, end the case that runs; what was started is stopped then.
func TestChaos(t *testing.T) {
	limit := time.Duration((10 + 3*defaultMinutes*stretch) * float64(time.Minute))
	bounded, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("not done after %s", limit))
	defer cancel()
	ctx, stop := signal.NotifyContext(bounded, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process.
	context.AfterFunc(ctx, stop)
	s := newSuite(ctx, t)
	for _, c := range cases {
		started := time.Now()
		s.report = report{}
		passed, ran := true, false
		t.Run(c.name, func(t *testing.T) {
			ran = true
			defer func() { passed = !t.Failed() }()
			s.begin(t)
			c.run(t, s)
		})
		if ran {
			results = append(results, result{c.name, passed, time.Since(started), s.report})
		}
		if ctx.Err() != nil {
			t.Fatal(context.Cause(ctx))
		}
	}
	if len(results) == 0 {
		t.Error("no case has such a name")
	}
}

// report is what a case counted. All but requests and unavoidable have to be 0.
type report struct {
	requests, failed, unmutated, admitted int
	// unavoidable are failures that no webhook could prevent; why says so.
	unavoidable int
	why         string
	// figures are what else is worth to know.
	figures []string
}

func (r *report) note(format string, args ...any) {
	r.figures = append(r.figures, fmt.Sprintf(format, args...))
}

type result struct {
	name   string
	passed bool
	took   time.Duration
	report report
}

func table(results []result) string {
	var text, notes strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\nCASE\tRESULT\tTIME\tREQUESTS\tFAILED\tUNMUTATED\tWRONGLY ADMITTED\tUNAVOIDABLE")
	for _, r := range results {
		outcome := "passed"
		if !r.passed {
			outcome = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", r.name, outcome, r.took.Round(time.Second),
			r.report.requests, r.report.failed, r.report.unmutated, r.report.admitted, r.report.unavoidable)
		figures := r.report.figures
		if r.report.why != "" {
			figures = append(figures, "unavoidable: "+r.report.why)
		}
		if len(figures) > 0 {
			fmt.Fprintf(&notes, "\n%s\n  %s\n", r.name, strings.Join(figures, "\n  "))
		}
	}
	_ = w.Flush() // to memory
	return notes.String() + text.String()
}
