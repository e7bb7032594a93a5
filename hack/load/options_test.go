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

	"github.com/google/go-cmp/cmp"
)

func TestServerOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "webhook")
	write(t, file)
	for _, test := range []struct {
		name string
		args []string
		want string // of the error; empty: none
	}{
		{"as make calls it", []string{"-o", "", "-plot", "", "-rounds", "", "-duration", "", "-connections", "", "-callers", "", "-bodies", ""}, ""},
		{"a part", []string{"-connections", "h2,fresh", "-callers", "1,16", "-bodies", "2,10"}, ""},
		{"another connection", []string{"-connections", "h3"}, `invalid value "h3" for -connections: want h2, http/1.1, fresh`},
		{"too many callers", []string{"-callers", "1,1000"}, `invalid value "1,1000" for -callers: want numbers from 1 to 250`},
		{"no round", []string{"-rounds", "0"}, `invalid value "0" for -rounds`},
		{"no unit", []string{"-duration", "5"}, `invalid value "5" for -duration`},
		{"a body without a size", []string{"-bodies", "2,"}, `invalid value "2," for -bodies`},
		{"another format", []string{"-o", "yaml"}, `invalid value "yaml" for -o: want text, json`},
		{"another server", []string{"-servers", "nginx"}, `invalid value "nginx" for -servers`},
		{"no file", []string{"-webhook", file + "-none"}, "for -webhook"},
		{"a file that is not named", []string{"-webhook", ""}, "-webhook is required"},
		{"an argument", []string{"now"}, `unexpected argument "now"`},
		{"an unknown flag", []string{"-faster"}, "-faster"},
	} {
		o, err := newServerOptions(append([]string{"-webhook", file}, test.args...), io.Discard)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v; want %q", test.name, err, test.want)
		}
		if err == nil && (o.Rounds != 6 || o.Format != "text" || len(o.Contestants) != 4) {
			t.Errorf("%s: %+v", test.name, o)
		}
	}
}

func TestDicerIsAlwaysAmongTheServers(t *testing.T) {
	got, err := chosen("typed,bare")
	if diff := cmp.Diff([]string{"bare", "typed", "dicer"}, got); diff != "" || err != nil {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
}

func TestSoakOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "webhook")
	write(t, file)
	o, err := newSoakOptions([]string{"-webhook", file, "-reviews", "", "-o", ""}, io.Discard)
	if err != nil || o.Reviews != 100000 || o.Starts != 10 {
		t.Errorf("%+v, error %v", o, err)
	}
	if _, err := newSoakOptions([]string{"-webhook", file, "-reviews", "many"}, io.Discard); err == nil || !strings.Contains(err.Error(), `invalid value "many" for -reviews`) {
		t.Errorf("error %v; want one of -reviews", err)
	}
}

func TestExitCodes(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"nothing wrong", t.Context(), nil, 0},
		{"help", t.Context(), flag.ErrHelp, 0},
		{"a wrong answer", t.Context(), errors.New("wrong answer"), 1},
		{"something to correct", t.Context(), fmt.Errorf("mode: %w", usageError("no such flag")), 2},
		{"no mode", t.Context(), run(t.Context(), nil, &output{Writer: io.Discard}), 2},
		{"an unknown mode", t.Context(), run(t.Context(), []string{"faster"}, &output{Writer: io.Discard}), 2},
		{"Ctrl-C", ended, fmt.Errorf("h2: %w", context.Canceled), 130},
	} {
		if got := exitCode(test.ctx, test.err, io.Discard); got != test.want {
			t.Errorf("%s: %d; want %d", test.name, got, test.want)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	list := checkpoints(100000)
	var told []int
	for _, n := range list {
		if remarkable(n, 100000) {
			told = append(told, n)
		}
	}
	if diff := cmp.Diff([]int{1000, 10000, 25000, 100000}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, checkpoints(3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
