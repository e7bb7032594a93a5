package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// screen prints for people; in colour only on a terminal.
type screen struct {
	out     io.Writer
	colour  bool
	started time.Time
}

func newScreen(file *os.File) *screen {
	info, err := file.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &screen{out: file, colour: terminal && os.Getenv("NO_COLOR") == "", started: time.Now()}
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// progress tells a step of the start, with the seconds since it began.
func (s *screen) progress(step string) {
	fmt.Fprintf(s.out, "%s %s\n", s.paint("2", fmt.Sprintf("[%4.1f s]", time.Since(s.started).Seconds())), step)
}

// change tells what became of a DataImportCron, and after which time.
func (s *screen) change(after time.Duration, name, what string) {
	fmt.Fprintf(s.out, "  %s %s %s\n", s.paint("2", fmt.Sprintf("[+%.1f s]", after.Seconds())), name, s.paint("1", what))
}

// remark tells what was checked.
func (s *screen) remark(format string, args ...any) {
	s.answer("("+fmt.Sprintf(format, args...)+")", false)
}

func (s *screen) note(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

func (s *screen) title(number int, text string) {
	fmt.Fprintf(s.out, "\n%s\n", s.paint("1", fmt.Sprintf("%d. %s", number, text)))
}

func (s *screen) manifest(lines []string) {
	fmt.Fprintln(s.out)
	for _, line := range lines {
		fmt.Fprintln(s.out, s.paint("36", "    "+line))
	}
}

func (s *screen) command(format string, args ...any) {
	fmt.Fprintf(s.out, "\n%s\n", s.paint("2", "  $ "+fmt.Sprintf(format, args...)))
}

func (s *screen) answer(text string, rejected bool) {
	code := "32"
	if rejected {
		code = "31"
	}
	for line := range strings.Lines(text) {
		fmt.Fprintln(s.out, "  "+s.paint(code, strings.TrimRight(line, "\n")))
	}
}
