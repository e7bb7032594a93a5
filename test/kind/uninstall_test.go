//go:build kind

package kind

import (
	"fmt"
	"maps"
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
	s.eventually(t, 2*time.Minute, func() error {
		var left []string
		for name := range s.everything(t) {
			if _, was := s.before[name]; !was {
				left = append(left, name)
			}
		}
		if len(left) > 0 {
			slices.Sort(left)
			return fmt.Errorf("%s: left", strings.Join(left, ", "))
		}
		return nil
	})
	s.figures = fmt.Sprintf("%d objects in the cluster, as before", len(slices.Collect(maps.Keys(s.before))))
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
