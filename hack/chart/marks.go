package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// marks are the template actions of the chart. In an object a mark stands for
// each, a plain word, until the object is text: YAML would quote an action.
type marks []string

var (
	anyMark = regexp.MustCompile(`chart-(?:value|lines)-(\d+)-`)
	// lineMark is one alone: an element of a list, or a field without a value.
	lineMark = regexp.MustCompile(`^( *)(?:- )?(chart-lines-\d+-)(?:: null)?$`)
)

// inline returns the mark of an action that stands for a value, or for a part
// of one. INDENT in it becomes the column of what belongs to the line's field.
func (m *marks) inline(action string) string { return m.mark("value", action) }

// lines returns the mark of actions and text that stand for a whole line.
func (m *marks) lines(text ...string) string { return m.mark("lines", strings.Join(text, "\n")) }

// mark returns the same word for the same action, so that objects of two
// overlays can be compared.
func (m *marks) mark(kind, action string) string {
	i := slices.Index(*m, action)
	if i < 0 {
		i = len(*m)
		*m = append(*m, action)
	}
	return fmt.Sprintf("chart-%s-%d-", kind, i)
}

// text returns a node as a template.
func (m *marks) text(node *yaml.RNode) (string, error) {
	encoded, err := node.String()
	if err != nil {
		return "", err
	}
	return m.replace(breakConditions(encoded)), nil
}

// replace puts the actions where their marks are.
func (m *marks) replace(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if match := lineMark.FindStringSubmatch(line); match != nil {
			for inner := range strings.Lines(m.action(match[2], indent)) {
				b.WriteString(m.replace(match[1] + inner))
			}
			continue
		}
		b.WriteString(anyMark.ReplaceAllStringFunc(line, func(word string) string { return m.action(word, indent) }) + "\n")
	}
	return b.String()
}

func (m *marks) action(word string, indent int) string {
	i, _ := strconv.Atoi(anyMark.FindStringSubmatch(word)[1]) // digits, as the expression says
	return strings.ReplaceAll((*m)[i], "INDENT", strconv.Itoa(indent+2))
}

// operator is where a line of a CEL expression begins in deploy/webhook.
var operator = regexp.MustCompile(` (&&|\|\|) `)

// breakConditions breaks the CEL expressions, which are folded blocks, into
// lines again: a reader of a diff sees what changed.
func breakConditions(text string) string {
	var b strings.Builder
	folded := false
	for line := range strings.Lines(text) {
		if folded {
			indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
			line = operator.ReplaceAllString(line, "\n"+indent+"$1 ")
		}
		folded = strings.HasSuffix(line, ": >-\n")
		b.WriteString(line)
	}
	return b.String()
}
