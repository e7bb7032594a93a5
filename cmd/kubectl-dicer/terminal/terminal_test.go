package terminal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestColorsAreForTerminalsAlone(t *testing.T) {
	nothing := func(string) (string, bool) { return "", false }
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if ColorsFor(file, nothing) || ColorsFor(new(bytes.Buffer), nothing) {
		t.Error("a file or a buffer is painted")
	}
}

func TestTheEnvironmentTurnsColorsOff(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want Colors
	}{
		"nothing said":      {nil, true},
		"NO_COLOR":          {map[string]string{"NO_COLOR": "1"}, false},
		"an empty NO_COLOR": {map[string]string{"NO_COLOR": ""}, true},
		"a dumb terminal":   {map[string]string{"TERM": "dumb"}, false},
		"another":           {map[string]string{"TERM": "xterm"}, true},
	} {
		if got := allowed(func(name string) (string, bool) { value, ok := tc.env[name]; return value, ok }); got != tc.want {
			t.Errorf("%s: %t; want %t", name, got, tc.want)
		}
	}
}

func TestPaint(t *testing.T) {
	if got := Colors(true).Red("x") + Colors(true).Yellow("y") + Colors(false).Red("z"); got != "\x1b[31mx\x1b[0m\x1b[33my\x1b[0mz" {
		t.Errorf("%q", got)
	}
}
