package gobuild

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// step is the build of one binary, as told by what `go build -v` prints.
type step struct {
	title string // "controlplane v1.36.3: [1/3] kube-apiserver"
	pkg   string // import path of the binary's main package

	mu        sync.Mutex
	partial   []byte
	downloads int
	packages  int
	linking   bool
	messages  []string // everything that is not progress: the reason of a failure
}

// Write takes go's output, in pieces of any size.
func (s *step) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = append(s.partial, p...)
	for {
		line, rest, found := bytes.Cut(s.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		s.observe(string(line))
		s.partial = rest
	}
}

func (s *step) observe(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		s.downloads++
	case line == s.pkg:
		// The main package is compiled last; what follows is the linker.
		s.linking = true
	case line == "" || strings.HasPrefix(line, "#") || strings.ContainsAny(line, " \t:"):
		s.messages = append(s.messages, line)
	default:
		s.packages++
	}
}

// output is what go said besides progress, and an unfinished last line.
func (s *step) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(strings.Join(append(s.messages, string(s.partial)), "\n"))
}

// line is the step's state after the elapsed time.
func (s *step) line(elapsed time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	doing := "working from Go's caches"
	switch {
	case s.linking:
		doing = "linking"
	case s.packages > 0:
		doing = fmt.Sprintf("compiling, %s so far", count(s.packages, "package"))
	case s.downloads > 0:
		doing = fmt.Sprintf("downloading, %s so far", count(s.downloads, "module"))
	}
	return fmt.Sprintf("%s %s, %s", s.title, clock(elapsed), doing)
}

// done is the line that stays when the step has succeeded.
func (s *step) done(elapsed time.Duration, size int64) string {
	return fmt.Sprintf("%s %s, %s", s.title, clock(elapsed), mebibytes(size))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func clock(d time.Duration) string { return d.Round(time.Second).String() }

func mebibytes(size int64) string { return fmt.Sprintf("%.0f MiB", float64(size)/(1<<20)) }

// display shows one step at a time: on a terminal as one line that changes,
// elsewhere (a CI log) as a line now and then.
type display struct {
	out      io.Writer
	terminal bool
	interval time.Duration
}

func newDisplay(out io.Writer) display {
	if file, ok := out.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return display{out: out, terminal: true, interval: time.Second}
		}
	}
	return display{out: out, interval: 15 * time.Second}
}

// follow shows s until the returned function is called; that function returns
// after the last line was written, so that nothing is printed into the next.
func (d display) follow(s *step, start time.Time) (stop func()) {
	quit, finished := make(chan struct{}), make(chan struct{})
	ticker := time.NewTicker(d.interval)
	go func() {
		defer close(finished)
		defer ticker.Stop()
		d.show(s, start)
		for {
			select {
			case <-quit:
				if d.terminal {
					fmt.Fprint(d.out, eraseLine)
				}
				return
			case <-ticker.C:
				d.show(s, start)
			}
		}
	}()
	return func() {
		close(quit)
		<-finished
	}
}

func (d display) show(s *step, start time.Time) {
	line := s.line(time.Since(start))
	if d.terminal {
		fmt.Fprint(d.out, eraseLine+line)
		return
	}
	fmt.Fprintln(d.out, line)
}

// eraseLine returns to the first column and clears up to the end of the line.
const eraseLine = "\r\x1b[K"
