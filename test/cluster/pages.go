package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Shown is a kubectl command in a page, with what it reads and what it answers.
type Shown struct {
	Args  []string
	Stdin string
	// Answer is what Words makes of it.
	Answer string
}

// PageCommands returns the kubectl commands that have an answer, of a section of a page,
// by its path in the repository.
func PageCommands(page, section string) ([]Shown, error) {
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		return nil, err
	}
	_, text, found := strings.Cut(string(content), "\n## "+section+"\n")
	if !found {
		return nil, fmt.Errorf("%s has no section %s", page, section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var commands []Shown
	for _, block := range strings.Split(text, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		command, rest, heredoc := strings.Cut(strings.TrimPrefix(block, "$ kubectl "), " <<EOF\n")
		if !heredoc {
			continue
		}
		stdin, answer, _ := strings.Cut(rest, "\nEOF\n")
		commands = append(commands, Shown{Args: strings.Fields(command), Stdin: stdin, Answer: Words(answer)})
	}
	return commands, nil
}

// Words makes one line of what a page breaks into several.
func Words(text string) string { return strings.Join(strings.Fields(text), " ") }
