//go:build chaos

package chaos

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	fanoutRage = time.Minute
	failovers  = 3
	// shown is what test/e2e writes before what it has counted.
	shown = "figures: "
)

// testFanout runs test/e2e's own tests of it for longer: they need that package's
// API server, whose audit log they read.
func testFanout(t *testing.T, s *suite) {
	reader, writer := io.Pipe()
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if _, figures, found := strings.Cut(lines.Text(), shown); found {
				s.report.note("%s", figures)
				writes := 0
				_, _ = fmt.Sscanf(figures, "%d writes", &writes) // not every line has them
				s.report.requests += writes
			}
			t.Log(lines.Text())
		}
		_, _ = io.Copy(io.Discard, reader) // after a line too long to be read
	})
	err := cluster.TestPackage(s.ctx, "test/e2e", s.Dir, []string{
		"DICER_CHAOS=" + time.Duration(max(1, stretch)*float64(fanoutRage)).String(),
		fmt.Sprintf("DICER_FAILOVERS=%d", times(failovers)),
	}, writer, "-test.v", "-test.run=^(TestFanoutSurvivesChaos|TestFanoutFailsOverWithoutDeletingTwice)$", "-test.parallel=4")
	_ = writer.Close()
	reading.Wait()
	if err != nil {
		s.report.failed++
		t.Error(err)
	}
}
