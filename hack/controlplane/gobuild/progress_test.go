package gobuild

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestStepLine(t *testing.T) {
	const title = "controlplane v1.36.3: [1/3] kube-apiserver "
	tests := []struct {
		name    string
		output  string
		elapsed time.Duration
		want    string
		message string
	}{
		{name: "go has said nothing", elapsed: 300 * time.Millisecond, want: "0s, working from Go's caches"},
		{name: "one module", output: "go: downloading k8s.io/api v0.36.3\n", elapsed: time.Second, want: "1s, downloading, 1 module so far"},
		{name: "modules", output: "go: downloading a.io/b v1.0.0\ngo: downloading a.io/c v1.0.0\n", elapsed: 15 * time.Second, want: "15s, downloading, 2 modules so far"},
		{name: "packages", output: "go: downloading a.io/b v1.0.0\nerrors\ngolang.org/x/net/http2\n", elapsed: 75 * time.Second, want: "1m15s, compiling, 2 packages so far"},
		{name: "the main package", output: "errors\nk8s.io/kubernetes/cmd/kube-apiserver\n", elapsed: time.Hour, want: "1h0m0s, linking"},
		{name: "an unfinished line does not count", output: "errors\nsync", elapsed: time.Second, want: "1s, compiling, 1 package so far", message: "sync"},
		{name: "a failure is kept", output: "errors\n# a.io/b\nb.go:1:2: undefined: c\n", elapsed: time.Second, want: "1s, compiling, 1 package so far",
			message: "# a.io/b\nb.go:1:2: undefined: c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &step{title: strings.TrimSpace(title), pkg: "k8s.io/kubernetes/cmd/kube-apiserver"}
			// Byte by byte: pipes cut where they like.
			for i := range len(test.output) {
				if n, err := s.Write([]byte{test.output[i]}); n != 1 || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
			}
			if got := s.line(test.elapsed); got != title+test.want {
				t.Errorf("line\n got %q\nwant %q", got, title+test.want)
			}
			if got := s.output(); got != test.message {
				t.Errorf("output\n got %q\nwant %q", got, test.message)
			}
		})
	}
}

func TestStepDoneShowsTimeAndSize(t *testing.T) {
	s := &step{title: "controlplane v1.36.3: [3/3] kubectl"}
	if got, want := s.done(61*time.Second, 59699362), "controlplane v1.36.3: [3/3] kubectl 1m1s, 57 MiB"; got != want {
		t.Errorf("done() = %q, want %q", got, want)
	}
}

func TestDisplay(t *testing.T) {
	tests := []struct {
		name     string
		terminal bool
		want     string
	}{
		{"a log gets whole lines", false, "x 0s, working from Go's caches\n"},
		{"a terminal's line is replaced and removed", true, "\r\x1b[Kx 0s, working from Go's caches\r\x1b[K"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			d := display{out: &out, terminal: test.terminal, interval: time.Hour}
			d.follow(&step{title: "x"}, time.Now())()
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
		})
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if d := newDisplay(file); d.terminal || d.interval != 15*time.Second {
		t.Errorf("newDisplay(file) = %+v, want lines every 15s", d)
	}
}
