package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// steps tells each step as it begins and ends, and all of them at the end.
type steps struct {
	out  io.Writer
	now  func() time.Time
	done []finished
}

type finished struct {
	name, note string
	took       time.Duration
}

func newSteps(out io.Writer) *steps { return &steps{out: out, now: time.Now} }

// do runs one step. What it returns says in some words what was done: built, or
// there already.
func (s *steps) do(ctx context.Context, name string, run func() (note string, err error)) error {
	s.say("%s ...", name)
	started := s.now()
	note, err := run()
	took := s.now().Sub(started)
	if err != nil {
		note = "FAILED"
		err = fmt.Errorf("%s: %w", name, withEnd(ctx, err))
	}
	s.say("%s: %s in %s", name, note, clock(took))
	s.done = append(s.done, finished{name, note, took})
	return err
}

func (s *steps) say(format string, args ...any) {
	fmt.Fprintf(s.out, "kind: "+format+"\n", args...)
}

// table is what was done and how long it took, in the order that it was.
func (s *steps) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "STEP\tTIME\tRESULT")
	total := time.Duration(0)
	for _, f := range s.done {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.name, clock(f.took), f.note)
		total += f.took
	}
	fmt.Fprintf(w, "together\t%s\t\n", clock(total))
	_ = w.Flush() // to memory
	return text.String()
}

func clock(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
