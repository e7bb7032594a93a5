//go:build image

package image

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	version = "v0.0.0-test"
	commit  = "0123456789abcdef0123456789abcdef01234567"
	date    = "2026-01-31T12:34:56Z"
	// maxSize of an image in bytes, both as a node pulls it and as it is there
	// then.
	maxSize = 40_000_000
)

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "s390x": elf.EM_S390}

// folder is where the tests' images are.
var folder string

// made makes the images of all architectures, once.
var made = sync.OnceValues(func() (map[string]*Archive, error) {
	if err := makeImages(folder); err != nil {
		return nil, err
	}
	archives := map[string]*Archive{}
	for arch := range machines {
		a, err := Read(archivePath(folder, arch))
		if err != nil {
			return nil, err
		}
		archives[arch] = a
	}
	return archives, nil
})

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "dicer-image-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func makeImages(dir string) error {
	cmd := exec.Command("make", "-C", "../..", "image", "VERSION="+version, "COMMIT="+commit, "DATE="+date, "IMAGE_ARCH=amd64,arm64,s390x", "IMAGE_DIR="+dir)
	cmd.Env = withoutMake(os.Environ())
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make image: %w\n%s", err, output)
	}
	return nil
}

// withoutMake leaves out what a make test that runs this test tells a make
// below it: its -n, its jobs and its variables.
func withoutMake(env []string) []string {
	var kept []string
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		if name != "MAKEFLAGS" && name != "MFLAGS" && name != "MAKELEVEL" && name != "MAKEOVERRIDES" {
			kept = append(kept, variable)
		}
	}
	return kept
}

func archivePath(dir, arch string) string {
	return filepath.Join(dir, "dicer-image-"+arch+".tar")
}

// eachImage runs a test for each architecture's image of make image.
func eachImage(t *testing.T, test func(t *testing.T, arch string, a *Archive)) {
	t.Helper()
	archives, err := made()
	if err != nil {
		t.Fatal(err)
	}
	for arch, a := range archives {
		t.Run(arch, func(t *testing.T) { test(t, arch, a) })
	}
}

func TestItHoldsTheTwoCommandsTheirLicencesAndNothingElse(t *testing.T) {
	eachImage(t, func(t *testing.T, _ string, a *Archive) {
		modified, err := time.Parse(time.RFC3339, date)
		if err != nil {
			t.Fatal(err)
		}
		want := []File{
			{Name: "fanout", Type: "0", Mode: 0o755, Modified: modified},
			{Name: "webhook", Type: "1", Link: "fanout", Mode: 0o755, Modified: modified},
			{Name: "licenses/", Type: "5", Mode: 0o755 | fs.ModeDir, Modified: modified},
			{Name: "licenses/LICENSE", Type: "0", Mode: 0o644, Modified: modified},
			{Name: "licenses/THIRD_PARTY_LICENSES", Type: "0", Mode: 0o644, Modified: modified},
		}
		if diff := cmp.Diff(want, a.Files, cmpopts.IgnoreFields(File{}, "Content", "Digest")); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		for _, name := range []string{"LICENSE", "THIRD_PARTY_LICENSES"} {
			want, err := os.ReadFile(filepath.Join("../..", name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(a.content("licenses/"+name))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestItStartsTheWebhookAsNobodyAndSaysWhatItIs(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string, a *Archive) {
		if diff := cmp.Diff(wantConfig(t, arch), a.Config); diff != "" {
			t.Errorf("configuration (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"dicer:" + version}, a.Tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}

func wantConfig(t *testing.T, arch string) Config {
	t.Helper()
	created, err := time.Parse(time.RFC3339, date)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Created: created, Architecture: arch, OS: "linux"}
	want.Config.User = "65532:65532"
	want.Config.Entrypoint = []string{"/webhook"}
	want.Config.Labels = map[string]string{
		"org.opencontainers.image.title":    "dicer",
		"org.opencontainers.image.source":   "https://github.com/dicer-dev/dicer",
		"org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.version":  version,
		"org.opencontainers.image.revision": commit,
		"org.opencontainers.image.created":  date,
	}
	return want
}

// commands are the files that can be started.
func (a *Archive) commands() []File {
	return slices.DeleteFunc(slices.Clone(a.Files), func(f File) bool { return f.Mode != 0o755 })
}

func TestItsCommandsNeedNoLibraryAndRunOnItsArchitecture(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string, a *Archive) {
		for _, f := range a.commands() {
			binary, err := elf.NewFile(bytes.NewReader(f.Content))
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if binary.Machine != machines[arch] {
				t.Errorf("%s: for %s", f.Name, binary.Machine)
			}
			for _, p := range binary.Progs {
				if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
					t.Errorf("%s: not static: it has %s", f.Name, p.Type)
				}
			}
			if _, err := binary.Symbols(); !errors.Is(err, elf.ErrNoSymbols) {
				t.Errorf("%s: not stripped: %v", f.Name, err)
			}
		}
	})
}

func TestItsCommandsTellTheVersionThatItsLabelsTell(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string, a *Archive) {
		if runtime.GOOS != "linux" || runtime.GOARCH != arch {
			t.Skip("it runs on linux/" + arch + " only")
		}
		for _, f := range a.commands() {
			path := filepath.Join(t.TempDir(), f.Name)
			if err := os.WriteFile(path, f.Content, 0o755); err != nil {
				t.Fatal(err)
			}
			output, err := exec.Command(path, "--version").CombinedOutput()
			if want := f.Name + " version " + version + " (commit " + commit + ", " + date + ", go"; err != nil || !strings.HasPrefix(string(output), want) {
				t.Errorf("%s --version: %v, %q; want %q", f.Name, err, output, want)
			}
		}
	})
}

func TestItIsSmall(t *testing.T) {
	eachImage(t, func(t *testing.T, _ string, a *Archive) {
		t.Logf("%.1f MB, %.1f MB unpacked", float64(a.Packed)/1e6, float64(a.Unpacked)/1e6)
		if a.Packed > maxSize || a.Unpacked > maxSize {
			t.Errorf("its layers have %d bytes, %d unpacked; want %d at most", a.Packed, a.Unpacked, maxSize)
		}
	})
}

func TestTheSameCommitMakesTheSameImage(t *testing.T) {
	if _, err := made(); err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	if err := makeImages(again); err != nil {
		t.Fatal(err)
	}
	names := []string{"dicer-image.tar"}
	for arch := range machines {
		names = append(names, filepath.Base(archivePath(folder, arch)))
	}
	for _, name := range names {
		var digests []string
		for _, dir := range []string{folder, again} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			digests = append(digests, digest(content))
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: %s, and then %s", name, digests[0], digests[1])
		}
	}
}

// The containerd of kind goes by index.json, docker load by manifest.json.
func TestContainerdFindsTheImageThatDockerFinds(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string, a *Archive) {
		for name, content := range a.Entries {
			if want, ok := strings.CutPrefix(name, "blobs/sha256/"); ok && digest(content) != "sha256:"+want {
				t.Errorf("%s: its content is %s", name, digest(content))
			}
		}
		var list index
		decode(t, a.Entries["index.json"], &list)
		if len(list.Manifests) != 1 {
			t.Fatalf("%d manifests in index.json", len(list.Manifests))
		}
		found := list.Manifests[0]
		if found.Annotations["io.containerd.image.name"] != "docker.io/library/dicer:"+version || found.Platform.Architecture != arch || found.Platform.OS != "linux" {
			t.Errorf("index.json names %+v", found)
		}
		type reference struct{ Digest string }
		var manifest struct {
			Config reference
			Layers []reference
		}
		decode(t, a.Entries[blobPath(found.Digest)], &manifest)
		var docker []struct {
			Config string
			Layers []string
		}
		decode(t, a.Entries["manifest.json"], &docker)
		if len(manifest.Layers) != 1 || len(docker[0].Layers) != 1 {
			t.Fatalf("layers: %v and %v", manifest.Layers, docker[0].Layers)
		}
		got := []string{blobPath(manifest.Config.Digest), blobPath(manifest.Layers[0].Digest)}
		if diff := cmp.Diff([]string{docker[0].Config, docker[0].Layers[0]}, got); diff != "" {
			t.Errorf("configuration and layer (-docker +containerd):\n%s", diff)
		}
	})
}

func blobPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

func decode(t *testing.T, content []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%q: %v", content, err)
	}
}
