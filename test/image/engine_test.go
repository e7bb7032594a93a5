//go:build image

package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// goImage stands in for golang:1.26, which not everybody can download: this
// machine's own Go, and its modules.
const goImage = "dicer-image-test-go"

// needsEngine skips the test where no container engine answers.
func needsEngine(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").Output()
	if got, want := strings.TrimSpace(string(output)), "linux/"+runtime.GOARCH; err != nil || runtime.GOOS != "linux" || got != want {
		t.Skipf("skipped: no container engine of %s answers docker version, here or at DOCKER_HOST: %q, %v", want, got, err)
	}
}

func docker(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	cmd := exec.Command("docker", args...)
	cmd.Dir = "../.."
	cmd.Stdin = stdin
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// removed removes the image after the test.
func removed(t *testing.T, tag string) {
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", tag).Run() })
}

// One architecture, because the Go of a container has an empty cache: it takes
// minutes.
func TestTheDockerfileMakesTheSameImage(t *testing.T) {
	needsEngine(t)
	archives, err := made()
	if err != nil {
		t.Fatal(err)
	}
	importGo(t)
	arch := runtime.GOARCH
	if buildKit() {
		// It sets the Dockerfile's arguments, so that Go cross-compiles.
		arch = map[bool]string{true: "arm64", false: "s390x"}[arch == "s390x"]
	}
	built := "dicer-image-test:" + arch
	removed(t, built)
	docker(t, nil, "build", "--tag", built, "--platform", "linux/"+arch, "--network", "none", "--build-arg", "GO_IMAGE="+goImage,
		"--build-arg", "VERSION="+version, "--build-arg", "COMMIT="+commit, "--build-arg", "DATE="+date, ".")
	saved := filepath.Join(t.TempDir(), "saved.tar")
	docker(t, nil, "save", "--output", saved, built)
	got, err := Read(saved)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("linux/%s, BuildKit: %t, %d bytes unpacked", arch, buildKit(), got.Unpacked)
	want := archives[arch]
	if diff := cmp.Diff(sorted(want.Files), sorted(got.Files), cmpopts.IgnoreFields(File{}, "Content")); diff != "" {
		t.Errorf("files (-make image +Dockerfile):\n%s", diff)
	}
	// The engine's time is that of the build; the label is the commit's.
	got.Config.Created = want.Config.Created
	if diff := cmp.Diff(want.Config, got.Config); diff != "" {
		t.Errorf("configuration (-make image +Dockerfile):\n%s", diff)
	}
}

// buildKit tells whether docker build is buildx's: unless the user chooses,
// where buildx is installed.
func buildKit() bool {
	if choice := os.Getenv("DOCKER_BUILDKIT"); choice != "" {
		return choice != "0"
	}
	return exec.Command("docker", "buildx", "version").Run() == nil
}

func sorted(files []File) []File {
	return slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
}

func TestTheEngineLoadsAndRunsIt(t *testing.T) {
	needsEngine(t)
	if _, err := made(); err != nil {
		t.Fatal(err)
	}
	tag := "dicer:" + version
	removed(t, tag)
	docker(t, nil, "load", "--input", archivePath(folder, runtime.GOARCH))
	for name, command := range map[string][]string{"webhook": {tag}, "fanout": {"--entrypoint", "/fanout", tag}} {
		args := append([]string{"run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"}, command...)
		if got, want := docker(t, nil, append(args, "--version")...), name+" version "+version; !strings.HasPrefix(got, want) {
			t.Errorf("%s --version: %q; want %q", name, got, want)
		}
	}
}

// importGo makes goImage of the host's Go, a shell and its tools, and the go
// command's downloads, from which the build has its modules without a network.
func importGo(t *testing.T) {
	t.Helper()
	// The Dockerfile's first stage inherits the label, and has no other name.
	const label = "dev.dicer.test=image"
	t.Cleanup(func() { _ = exec.Command("docker", "image", "prune", "--force", "--filter", "label="+label).Run() })
	removed(t, goImage)
	roots := map[string]string{goEnv(t, "GOROOT"): "usr/local/go"}
	for _, tool := range []string{"sh", "ln", "mkdir", "cp", "chmod", "touch"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		roots[path] = "bin/" + tool
		for _, library := range libraries(path) {
			roots[library] = strings.TrimPrefix(library, "/")
		}
	}
	downloads := filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")
	for _, path := range downloaded(t) {
		relative, err := filepath.Rel(downloads, path)
		if err != nil {
			t.Fatal(err)
		}
		roots[path] = "modules/" + filepath.ToSlash(relative)
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(pack(w, roots)) }()
	docker(t, r, "import",
		"--change", "LABEL "+label,
		"--change", "ENV PATH=/usr/local/go/bin:/bin",
		"--change", "ENV GOTOOLCHAIN=local",
		"--change", "ENV GOPROXY=file:///modules",
		"--change", "ENV GOSUMDB=off",
		"--change", "ENV GOCACHE=/cache GOPATH=/go",
		"-", goImage)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	output, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}

// libraries are the files that ldd tells; a static binary has none.
func libraries(binary string) []string {
	output, _ := exec.Command("ldd", binary).Output()
	var found []string
	for _, word := range strings.Fields(string(output)) {
		if strings.HasPrefix(word, "/") {
			found = append(found, word)
		}
	}
	return found
}

// downloaded are the files of all modules in go.mod, and the go.mod files of
// the versions that they ask for.
func downloaded(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json")
	cmd.Dir = "../.."
	output, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var module struct{ Zip, Info, GoMod string }
		if err := decoder.Decode(&module); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, module.Zip, module.Info, module.GoMod)
	}
	err = filepath.WalkDir(filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".mod") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// pack writes a tar of files and folders, each under the name that it gets.
func pack(out io.Writer, roots map[string]string) error {
	w := tar.NewWriter(out)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp", Mode: 0o1777}); err != nil {
		return err
	}
	for root, name := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			// The toolchain's own tests are a third of it.
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") {
				return err
			}
			// Libraries are links to files.
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			header := &tar.Header{Typeflag: tar.TypeReg, Name: name + strings.TrimPrefix(path, root), Mode: int64(info.Mode().Perm()), Size: int64(len(content))}
			if err := w.WriteHeader(header); err != nil {
				return err
			}
			_, err = w.Write(content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return w.Close()
}
