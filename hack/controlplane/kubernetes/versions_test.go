package kubernetes

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParseVersion(t *testing.T) {
	tests := []struct {
		in   string
		want Version
		ok   bool
	}{
		{"v1.36.3", Version{1, 36, 3}, true},
		{"1.36.3", Version{1, 36, 3}, true},
		{"v1.36", Version{}, false},
		{"v1.36.3.1", Version{}, false},
		{"v1.36.x", Version{}, false},
		{"v1.36.-3", Version{}, false},
		{"v1.36.3-rc.1", Version{}, false},
		{"vv1.36.3", Version{}, false},
		{"", Version{}, false},
	}
	for _, test := range tests {
		got, err := parseVersion(test.in)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("parseVersion(%q) = %v, %v; want %v, ok %t", test.in, got, err, test.want, test.ok)
		}
		if err != nil && !strings.Contains(err.Error(), test.in) {
			t.Errorf("parseVersion(%q): error %q does not quote its input", test.in, err)
		}
	}
}

func TestPinnedSortsByNumber(t *testing.T) {
	files := fstest.MapFS{"v1.9.9.mod": {}, "v1.36.10.mod": {}, "v1.36.9.mod": {}, "v2.0.0.mod": {}, "v2.0.0.sum": {}}
	got, err := pinned(files)
	want := []Version{{2, 0, 0}, {1, 36, 10}, {1, 36, 9}, {1, 9, 9}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("pinned() = %v, %v; want %v", got, err, want)
	}
	if _, err := pinned(fstest.MapFS{"vnext.mod": {}}); err == nil || !strings.Contains(err.Error(), "vnext") {
		t.Errorf("a pin without a version: error %v, want one that names the file", err)
	}
}

func TestEachPinIsWholeAndNamesItsVersion(t *testing.T) {
	versions, err := pinned(pins)
	if err != nil || len(versions) < 2 {
		t.Fatalf("pinned() = %v, %v; want the newest and one older", versions, err)
	}
	for i, v := range versions {
		mod, err := fs.ReadFile(pins, v.String()+".mod")
		if err != nil {
			t.Fatal(err)
		}
		if want := "\tk8s.io/kubernetes " + v.String() + " "; !strings.Contains(string(mod), want) {
			t.Errorf("%s.mod lacks %q", v, want)
		}
		commands := ControlPlane
		if i == 0 {
			// A whole node is built of the newest alone.
			commands = slices.Concat(ControlPlane, Node)
		}
		for _, command := range commands {
			if !strings.Contains(string(mod), "\t"+command.Package+"\n") {
				t.Errorf("%s.mod has no tool line for %s", v, command.Package)
			}
		}
		if _, err := fs.Stat(pins, v.String()+".sum"); err != nil {
			t.Error(err)
		}
	}
}

func TestChoose(t *testing.T) {
	newest, older := Version{1, 36, 3}, Version{1, 34, 4}
	tests := []struct {
		name      string
		flag, env string
		want      Version
		errHas    []string
	}{
		{name: "nothing given: the newest", want: newest},
		{name: "the flag", flag: "v1.34.4", want: older},
		{name: "the flag without v", flag: "1.34.4", want: older},
		{name: "the environment", env: "v1.34.4", want: older},
		{name: "the environment without v", env: "1.34.4", want: older},
		{name: "the flag wins", flag: "1.36.3", env: "1.34.4", want: newest},
		{name: "the flag wins over nonsense", flag: "1.36.3", env: "zz", want: newest},
		{name: "not pinned", flag: "v1.35.0", errHas: []string{"-version", `"v1.35.0"`, "v1.36.3, v1.34.4"}},
		{name: "no version at all", env: "latest", errHas: []string{"K8S_VERSION", `"latest"`, "v1.36.3, v1.34.4"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Choose([]Version{newest, older}, test.flag, test.env)
			if got != test.want || (err == nil) != (test.errHas == nil) {
				t.Fatalf("Choose() = %v, %v; want %v", got, err, test.want)
			}
			for _, want := range test.errHas {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}
