package main

import (
	"context"
	"errors"
	"flag"
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
		name string
		err  error
		want int
	}{
		{"nothing wrong", nil, 0},
		{"help", flag.ErrHelp, 0},
		{"a case failed", errors.New("failed"), 1},
		{"something to correct", fmt.Errorf("step: %w", usageError("no engine")), 2},
		{"an unknown flag", func() error { _, err := newOptions([]string{"-faster"}, io.Discard); return err }(), 2},
		{"Ctrl-C", fmt.Errorf("step: %w", context.Canceled), 130},
		{"Ctrl-C, and the cluster was not deleted", errors.Join(context.Canceled, errors.New("no engine")), 130},
	} {
		var stderr strings.Builder
		silent := test.err == nil || errors.Is(test.err, flag.ErrHelp)
		if got := exitCode(test.err, &stderr); got != test.want || (stderr.Len() == 0) != silent {
			t.Errorf("%s: %d and %q; want %d", test.name, got, stderr.String(), test.want)
		}
		if test.err != nil && !silent && !strings.Contains(stderr.String(), test.err.Error()) {
			t.Errorf("%s: %q does not tell %q", test.name, stderr.String(), test.err)
		}
	}
}
