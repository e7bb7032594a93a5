//go:build kind

package kind

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func testUninstall(t *testing.T, s *suite) {
	s.kubectl(t, "delete", "--filename", options.install, "--timeout=3m")
	s.nothingIsLeft(t)
}

// nothingIsLeft waits until the cluster has the objects that it had without
// dicer, and no others.
func (s *suite) nothingIsLeft(t *testing.T) {
	t.Helper()
	s.eventually(t, 3*time.Minute, func() error {
		if left := s.left(t); len(left) > 0 {
			return fmt.Errorf("%s: left", strings.Join(left, ", "))
		}
		return nil
	})
	s.figures = fmt.Sprintf("%d objects in the cluster, as before", len(s.before))
}

// left are the objects that the cluster did not have without dicer.
func (s *suite) left(t *testing.T) []string {
	t.Helper()
	var left []string
	for name := range s.everything(t) {
		if _, was := s.before[name]; !was {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

// testUpgrade ends with nothing installed.
func testUpgrade(t *testing.T, s *suite) {
	s.kubectl(t, "apply", "--filename", options.previousInstall)
	s.available(t)
	s.runs(t, options.previous)
	o := s.whileCreating(t, func() {
		s.kubectl(t, "apply", "--filename", options.install)
		s.rolledOut(t, "dicer-webhook")
		s.rolledOut(t, "dicer-fanout")
	})
	s.check(t, o, false, false)
	s.runs(t, options.version)
	testSeedCase(t, s)
	figures := s.figures
	testUninstall(t, s)
	s.figures = fmt.Sprintf("%s to %s: %s", options.previous, options.version, figures)
}
