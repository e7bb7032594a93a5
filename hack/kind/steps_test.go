package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestStepsTellTheirTimeAndAllAtTheEnd(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	s := &steps{out: &out, now: func() time.Time { now = now.Add(1500 * time.Millisecond); return now }}
	if err := s.do(t.Context(), "one", func() (string, error) { return "built", nil }); err != nil {
		t.Fatal(err)
	}
	err := s.do(t.Context(), "number two", func() (string, error) { return "", errors.New("no space left") })
	if err == nil || err.Error() != "number two: no space left" {
		t.Errorf("error %v", err)
	}
	if want := "kind: one ...\nkind: one: built in 1.5s\nkind: number two ...\nkind: number two: FAILED in 1.5s\n"; out.String() != want {
		t.Errorf("told %q; want %q", out.String(), want)
	}
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	if err := (&steps{out: io.Discard, now: time.Now}).do(interrupted, "three", func() (string, error) { return "", errors.New("signal: terminated") }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
	want := "STEP         TIME   RESULT\none          1.5s   built\nnumber two   1.5s   FAILED\ntogether     3s     \n"
	if got := s.table(); got != want {
		t.Errorf("table\n%s\nwant\n%s", got, want)
	}
}

func TestAFailureShowsTheEndOfWhatWasSaid(t *testing.T) {
	text, err := output(command(t.Context(), "sh", "-c", "echo out; echo err >&2"))
	if err != nil || text != "out" {
		t.Errorf("output %q, error %v", text, err)
	}
	_, err = output(command(t.Context(), "sh", "-c", "seq 100; echo because >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3\n72\n") || !strings.HasSuffix(err.Error(), "\n100\nbecause") {
		t.Errorf("error %v", err)
	}
}

// What writes has more to say than a pipe holds.
func TestAPipeEndsWithEitherOfItsPrograms(t *testing.T) {
	for _, test := range []struct {
		name     string
		from, to []string
		want     string // of the error; empty: none
	}{
		{"both go well", []string{"seq", "100000"}, []string{"sh", "-c", "[ $(wc -l) = 100000 ]"}, ""},
		{"the reader fails at once", []string{"yes"}, []string{"sh", "-c", "echo disk full >&2; exit 3"}, "disk full"},
		{"the writer fails", []string{"sh", "-c", "echo x; exit 3"}, []string{"cat"}, "sh -c echo x; exit 3: exit status 3"},
	} {
		err := pipe(command(t.Context(), test.from[0], test.from[1:]...), command(t.Context(), test.to[0], test.to[1:]...))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v; want %q", test.name, err, test.want)
		}
	}
}
