package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// output is where results go, and where progress is told.
type output struct {
	io.Writer
	progress io.Writer
	// terminal tells that progress is one line, written again and again.
	terminal bool
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// lineInterval is how often progress is told where it is not a terminal's line.
const lineInterval = 30 * time.Second

// progress tells how far a run is.
type progress struct {
	out     *output
	total   int
	done    int
	guess   time.Duration
	started time.Time
	told    time.Time
}

// newProgress expects a number of steps. guess is how long one takes; zero where
// nobody knows.
func newProgress(out *output, total int, guess time.Duration) *progress {
	return &progress{out: out, total: total, guess: guess, started: time.Now()}
}

// step tells what begins now.
func (p *progress) step(what string) {
	line := fmt.Sprintf("load: %d of %d: %s%s", p.done+1, p.total, what, p.left())
	p.done++
	switch {
	case p.out.terminal:
		fmt.Fprintf(p.out.progress, "\r\x1b[K%s", line)
	case time.Since(p.told) >= lineInterval:
		fmt.Fprintln(p.out.progress, line)
		p.told = time.Now()
	}
}

// left is the time that the remaining steps take, if they are as the ones before.
func (p *progress) left() string {
	each := p.guess
	if p.done > 0 {
		each = time.Since(p.started) / time.Duration(p.done)
	}
	if each == 0 {
		return ""
	}
	return fmt.Sprintf(", %s left", (each * time.Duration(p.total-p.done)).Round(time.Second))
}

// end leaves a terminal's line to others.
func (p *progress) end() {
	if p.out.terminal {
		fmt.Fprint(p.out.progress, "\r\x1b[K")
	}
}
