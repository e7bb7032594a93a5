package main

import (
	"strings"
	"testing"
)

func TestFailuresAreWhatFailedCasesSaid(t *testing.T) {
	log := `=== RUN   TestKind
=== RUN   TestKind/one
    one_test.go:1: fine
=== RUN   TestKind/two
    two_test.go:2: it is not there
        as it should be
` + strings.Repeat("    two_test.go:3: more\n", 2*failedLines) + `=== RUN   TestKind/two/inner
    two_test.go:4: inner
=== RUN   TestKind/three
    main_test.go:5: 
        CASE   RESULT
--- FAIL: TestKind (1.00s)
    --- PASS: TestKind/one (0.10s)
    --- FAIL: TestKind/two (0.20s)
        --- FAIL: TestKind/two/inner (0.10s)
    --- PASS: TestKind/three (0.00s)
FAIL
`
	want := "TestKind/two\n    two_test.go:2: it is not there\n        as it should be\n" +
		strings.Repeat("    two_test.go:3: more\n", failedLines-2) +
		"TestKind/two/inner\n    two_test.go:4: inner\n"
	if got := failures(log); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	last := "=== RUN   TestKind\n    main_test.go:5: no case\n--- FAIL: TestKind (1.00s)\nFAIL\n"
	if got := failures(last); got != "TestKind\n    main_test.go:5: no case\n" {
		t.Errorf("of the last one: %q", got)
	}
	if got := failures("PASS\n"); got != "" {
		t.Errorf("of what passed: %q", got)
	}
}
