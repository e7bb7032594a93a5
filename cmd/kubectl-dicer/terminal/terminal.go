// Package terminal says when colours are wanted.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Colors paints text where it is true.
type Colors bool

// ColorsFor tells whether to paint what is written to w: on a terminal alone, and not
// where NO_COLOR is set (https://no-color.org) or the terminal is a dumb one.
func ColorsFor(w io.Writer, lookup func(string) (string, bool)) Colors {
	file, ok := w.(*os.File)
	return Colors(ok && term.IsTerminal(int(file.Fd()))) && allowed(lookup)
}

// allowed tells what the environment says of colours.
func allowed(lookup func(string) (string, bool)) Colors {
	noColor, _ := lookup("NO_COLOR")
	kind, _ := lookup("TERM")
	return noColor == "" && kind != "dumb"
}

// Red is for errors.
func (c Colors) Red(text string) string { return c.paint("31", text) }

// Yellow is for warnings.
func (c Colors) Yellow(text string) string { return c.paint("33", text) }

func (c Colors) paint(code, text string) string {
	if !c {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
