package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/terminal"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// Formats are the values of --output.
var Formats = []string{"text", "json", "sarif", "github"}

// Write writes the report in one of Formats. colors are for text alone.
func (r *Report) Write(w io.Writer, format string, colors terminal.Colors) error {
	switch format {
	case "json":
		return r.writeJSON(w)
	case "sarif":
		return r.writeSARIF(w)
	case "github":
		return r.writeGitHub(w)
	default:
		return r.writeText(w, colors)
	}
}

func (r *Report) writeJSON(w io.Writer) error {
	out := *r
	out.Findings = append([]Finding{}, r.Findings...) // [], not null
	return encode(w, out)
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// writeText aligns where and what over all findings. The message and the suggestion
// are long, and have lines of their own.
func (r *Report) writeText(w io.Writer, colors terminal.Colors) error {
	var heads strings.Builder
	aligned := printers.GetNewTabWriter(&heads)
	for _, f := range r.Findings {
		fmt.Fprintf(aligned, "%s:%d:%d\t%s\t%s\t%s\n", oneLine(f.File), f.Line, f.Column, f.Severity, f.Rule, f.Field)
	}
	if err := aligned.Flush(); err != nil {
		return err
	}
	for i, head := range slices.Collect(strings.SplitSeq(strings.TrimSuffix(heads.String(), "\n"), "\n")) {
		if len(r.Findings) == 0 {
			break
		}
		f := r.Findings[i]
		// The colour is put in after the alignment, which would count its bytes.
		name := len(oneLine(f.File)) // may have the word too
		head = head[:name] + strings.Replace(head[name:], string(f.Severity), paint(colors, f.Severity), 1)
		if _, err := fmt.Fprintf(w, "%s\n    %s\n    fix: %s\n", strings.TrimRight(head, " "), f.Message, f.Suggestion); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, r.summary())
	return err
}

// oneLine is a file's name on one line and in one cell of a table.
func oneLine(name string) string {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return strconv.Quote(name)
	}
	return name
}

func paint(colors terminal.Colors, severity arch.Severity) string {
	if severity == arch.Error {
		return colors.Red(string(severity))
	}
	return colors.Yellow(string(severity))
}

func (r *Report) summary() string {
	return fmt.Sprintf("%s, %s in %s", count(r.Errors, "error"), count(r.Warnings, "warning"), count(r.Objects, "object"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// writeGitHub writes workflow commands, which GitHub shows beside the line.
func (r *Report) writeGitHub(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", f.Severity,
			propertyEscaper.Replace(f.File), f.Line, f.Column, f.Rule,
			textEscaper.Replace(f.Field+": "+f.Message+" (fix: "+f.Suggestion+")")); err != nil {
			return err
		}
	}
	return nil
}

// What GitHub's own @actions/core escapes in a command's text and in its properties.
var (
	textEscaper     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscaper = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
