//go:build kind

package kind

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testUninstall(t *testing.T, s *suite) {
	s.kubectl(t, "delete", "--filename", options.install, "--timeout=3m")
	s.installed = false
	s.asBefore(t)
}

// asBefore waits until the cluster has the objects that it had without dicer, all
// of them and no others.
func (s *suite) asBefore(t *testing.T) {
	t.Helper()
	s.eventually(t, 3*time.Minute, func() error {
		now, err := s.everything(t)
		if diff := cmp.Diff(s.before, now); err == nil && diff != "" {
			return fmt.Errorf("objects (-without dicer +after it):\n%s", diff)
		}
		return err
	})
	s.figures = fmt.Sprintf("%d objects in the cluster, as before", len(s.before))
}

// testUpgrade ends with nothing installed.
func testUpgrade(t *testing.T, s *suite) {
	s.kubectl(t, "apply", "--filename", options.previousInstall)
	s.available(t)
	s.runs(t, options.previous)
	o := s.whileCreating(t, func() {
		s.kubectl(t, "apply", "--filename", options.install)
		s.installed = true
		s.rolledOut(t, "dicer-webhook")
		s.rolledOut(t, "dicer-fanout")
		s.settled(t)
	})
	s.check(t, o)
	s.runs(t, options.version)
	testSeedCase(t, s)
	figures := s.figures
	testUninstall(t, s)
	s.figures = fmt.Sprintf("%s to %s: %s", options.previous, options.version, figures)
}
