//go:build image

package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// folder is that of the release that made makes.
func folder(t *testing.T) string {
	t.Helper()
	one, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(one, "dist/release")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func sum(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

func TestTwoFoldersMakeTheSame(t *testing.T) {
	one, err := made()
	if err != nil {
		t.Fatal(err)
	}
	other, err := elsewhere()
	if err != nil {
		t.Fatal(err)
	}
	sums := "dist/release/SHA256SUMS"
	if diff := cmp.Diff(string(read(t, filepath.Join(one, sums))), string(read(t, filepath.Join(other, sums)))); diff != "" {
		t.Errorf("%s (-one +other):\n%s", sums, diff)
	}
	for _, name := range []string{"bin/webhook", "bin/fanout"} {
		a, b := sum(read(t, filepath.Join(one, name))), sum(read(t, filepath.Join(other, name)))
		t.Logf("%s: sha256 %s", name, a)
		if a != b {
			t.Errorf("%s: sha256 %s, and %s in the other folder", name, a, b)
		}
	}
}

func TestTheChecksumsAreThoseOfAllFiles(t *testing.T) {
	dir := folder(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, entry := range entries {
		if entry.Name() != "SHA256SUMS" {
			fmt.Fprintf(&want, "%s  %s\n", sum(read(t, filepath.Join(dir, entry.Name()))), entry.Name())
		}
	}
	got := string(read(t, filepath.Join(dir, "SHA256SUMS")))
	t.Logf("SHA256SUMS:\n%s", got)
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("SHA256SUMS (-want +got):\n%s", diff)
	}
}

func TestTheChartAndTheManifestsAskForTheReleasesImage(t *testing.T) {
	dir := folder(t)
	manifests, err := filepath.Glob(filepath.Join(dir, "install-*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	overlays, err := filepath.Glob(root + "/deploy/overlays/*")
	if err != nil || len(manifests) != len(overlays) {
		t.Errorf("%v; want one for each of %v (%v)", manifests, overlays, err)
	}
	for _, path := range manifests {
		if !strings.Contains(string(read(t, path)), "image: dicer:"+version+"\n") {
			t.Errorf("%s: no image dicer:%s", path, version)
		}
	}
	charts, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(charts) != 1 {
		t.Fatalf("charts %v, %v; want one", charts, err)
	}
	var chart struct{ AppVersion string }
	if err := yaml.Unmarshal(unpack(t, charts[0])["dicer/Chart.yaml"], &chart); err != nil || chart.AppVersion != version {
		t.Errorf("%s: appVersion %q, %v; want %s", charts[0], chart.AppVersion, err, version)
	}
}

// unpack returns the files of a packed archive.
func unpack(t *testing.T, path string) map[string][]byte {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(packed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNoReleaseIsNeitherMadeNorReplaced(t *testing.T) {
	theirs := t.TempDir()
	if err := os.WriteFile(filepath.Join(theirs, "theirs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ version, want string }{
		"not committed":     {version: "v1-dirty", want: "release: commit first: v1-dirty"},
		"somebody's folder": {version: "v1", want: "is no release: it stays"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("make", "-C", root, "release", "VERSION="+tc.version, "RELEASE_DIR="+theirs)
			cmd.Env = withoutMake(os.Environ())
			output, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(output), tc.want) {
				t.Errorf("make release: %v, %q; want a failure with %q", err, output, tc.want)
			}
			if _, err := os.Stat(filepath.Join(theirs, "theirs")); err != nil {
				t.Error(err)
			}
		})
	}
}
