package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const head = `<!-- Written by make generate, from what both commands export. Not to be edited. -->
# Metrics

Both commands serve them at ` + "`/metrics`" + `, in Prometheus' text format over plain HTTP,
at port 8080 (` + "`--metrics-bind-address`" + `). ` + "`deploy/components/monitoring`" + ` has them
scraped, watched and shown; [operations.md](operations.md#monitoring) says how.

No label has the name of an object: their number is bounded. What fan-out shows is of
the leader alone; the replica that waits shows zero, or nothing.

## dicer's own
`

const others = `
## Of controller-runtime and client-go

What they mean is their business; names may change with their releases. Labels only,
since the values are theirs.

`

const tail = `
Besides, both have the metrics of Go and of the process that Prometheus' client has
for every Go program, ` + "`go_*`" + ` and ` + "`process_*`" + `.
`

// page writes docs/metrics.md.
func (c catalogue) page() []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for _, m := range c {
		if strings.HasPrefix(m.Name, own) {
			m.section(&b)
		}
	}
	b.WriteString(others)
	b.WriteString("| metric | type | labels | exported by | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, m := range c {
		if !strings.HasPrefix(m.Name, own) && !slices.Contains(ofTheProcess, m.Name) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Type, quoted(slices.Sorted(maps.Keys(m.Labels))), strings.Join(m.Commands, ", "), cell(m.Help))
		}
	}
	b.WriteString(tail)
	return b.Bytes()
}

// section is a heading, so that a runbook can link to it.
func (m metric) section(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\nA %s, exported by %s.\n", m.Name, m.Help, m.Type, strings.Join(m.Commands, " and "))
	if len(m.Labels) == 0 {
		return
	}
	b.WriteString("\n| label | values |\n| --- | --- |\n")
	for _, label := range slices.Sorted(maps.Keys(m.Labels)) {
		values := quoted(m.Labels[label])
		if label == "architecture" {
			values += ", or what `--architectures` says"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", label, values)
	}
}

func quoted(words []string) string {
	var out []string
	for _, word := range words {
		out = append(out, "`"+word+"`")
	}
	return strings.Join(out, ", ")
}

// cell is a text as a table holds it: on one line, without a table's own marks.
func cell(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "|", `\|`)), " ")
}
