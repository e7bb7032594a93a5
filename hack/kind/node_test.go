package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestKindsFilesGetTheirModes(t *testing.T) {
	tree := t.TempDir()
	err := addKindFiles(tree, fstest.MapFS{
		"usr/local/bin/entrypoint":           {Data: []byte("#!/bin/bash\n")},
		"kind/bin/mount-product-files.sh":    {Data: []byte("#!/bin/bash\n")},
		"etc/systemd/system/kubelet.service": {Data: []byte("[Unit]\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"usr/local/bin/entrypoint": 0o755, "kind/bin/mount-product-files.sh": 0o755, "etc/systemd/system/kubelet.service": 0o644} {
		info, err := os.Stat(filepath.Join(tree, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s: mode %v; want %v", path, info.Mode(), want)
		}
	}
}

func TestContainerdsConfigurationIsChangedOrNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a = 1\nSystemdCgroup = true\n  SystemdCgroup = true\nrestrict_oom_score_adj = false\n")
	if err := configureContainerd(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if want := "a = 1\nSystemdCgroup = false\n  SystemdCgroup = false\nrestrict_oom_score_adj = true\n"; err != nil || string(content) != want {
		t.Errorf("%q, %v; want %q", content, err, want)
	}
	write("SystemdCgroup = true\n")
	if err := configureContainerd(path); err == nil || !strings.Contains(err.Error(), "restrict_oom_score_adj") {
		t.Errorf("kind's file has changed: error %v", err)
	}
}

func TestTheImageNamesAreFound(t *testing.T) {
	if got := sandbox.FindStringSubmatch("[plugins]\n  sandbox_image = \"example.invalid/pause:3.10\"\n"); got == nil || got[1] != "example.invalid/pause:3.10" {
		t.Errorf("sandbox image %q", got)
	}
	if got := nodeConstant.FindStringSubmatch("package defaults\n\nconst Image = \"kindest/node:v1@sha256:0\"\n"); got == nil || got[1] != "kindest/node:v1@sha256:0" {
		t.Errorf("node image %q", got)
	}
}

// TestEachPartIsPinned: a command that its module does not name as a tool would
// lose what it needs at the next go mod tidy.
func TestEachPartIsPinned(t *testing.T) {
	t.Chdir("../..")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	p, err := newParts(t.Context(), t.TempDir(), new(strings.Builder))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range append(p.ofNode(), p.kind) {
		for _, command := range part.Commands {
			if mod := string(part.Module["go.mod"]); !strings.Contains(mod, "\t"+command.Package+"\n") && !strings.Contains(mod, "tool "+command.Package+"\n") {
				t.Errorf("%s: go.mod has no tool line for %s", part.Title, command.Package)
			}
		}
		if part.Current() {
			t.Errorf("%s is current in an empty folder", part.Title)
		}
	}
	if err := (&runner{parts: p, node: &nodeImage{parts: p}}).built(); err == nil || !strings.Contains(err.Error(), "is not built") {
		t.Errorf("nothing is built: %v", err)
	}
}
