package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string // of the error; empty: none
	}{
		{"as make calls it", []string{"-version", "v1", "-source", "", "-previous", "", "-run", ""}, ""},
		{"a source", []string{"-version", "v1", "-source", "built"}, ""},
		{"another source", []string{"-version", "v1", "-source", "elsewhere"}, `invalid value "elsewhere" for -source: want one of auto, published, built`},
		{"no version", nil, "-version is required"},
		{"no version to check", []string{"-check"}, ""},
		{"an argument", []string{"-version", "v1", "now"}, `unexpected argument "now"`},
		{"an unknown flag", []string{"-faster"}, "-faster"},
	} {
		o, err := newOptions(test.args, io.Discard)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v; want %q", test.name, err, test.want)
		}
		if err == nil && (o.Source == "" || !filepath.IsAbs(o.Logs)) {
			t.Errorf("%s: source %q, logs in %q", test.name, o.Source, o.Logs)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		name        string
		err         error
		interrupted bool
		want        int
	}{
		{"nothing wrong", nil, false, 0},
		{"a case failed", errors.New("failed"), false, 1},
		{"something to correct", fmt.Errorf("step: %w", usageError("no engine")), false, 2},
		{"Ctrl-C", context.Canceled, true, 130},
	} {
		var stderr strings.Builder
		if got := exitCode(test.err, test.interrupted, &stderr); got != test.want || (stderr.Len() > 0) != (test.err != nil) {
			t.Errorf("%s: %d and %q; want %d", test.name, got, stderr.String(), test.want)
		}
	}
}
