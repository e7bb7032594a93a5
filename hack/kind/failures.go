package main

import (
	"regexp"
	"strings"
)

// failedLines is how much is said of each case that failed.
const failedLines = 20

var (
	begins = regexp.MustCompile(`(?m)^=== RUN   (\S+)$`)
	failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+) `)
)

// failures returns what the cases that failed have said in a log of go test -v, which
// says at its end only which these are.
func failures(log string) string {
	var text strings.Builder
	starts := begins.FindAllStringSubmatchIndex(log, -1)
	bad := map[string]bool{}
	for _, match := range failed.FindAllStringSubmatch(log, -1) {
		bad[match[1]] = true
	}
	for i, start := range starts {
		end := len(log)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		// The last one's is followed by the results.
		said, _, _ := strings.Cut(log[start[1]:end], "\n--- ")
		name, said := log[start[2]:start[3]], strings.Trim(said, "\n")
		if !bad[name] || said == "" {
			continue
		}
		lines := strings.Split(said, "\n")
		text.WriteString(name + "\n" + strings.Join(lines[:min(len(lines), failedLines)], "\n") + "\n")
	}
	return text.String()
}
