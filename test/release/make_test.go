//go:build image

package release

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root    = "../.."
	version = "v0.0.0-test"
	commit  = "0123456789abcdef0123456789abcdef01234567"
	date    = "2026-01-31T12:34:56Z"
)

// temporary is where the tests' releases are.
var temporary string

func TestMain(m *testing.M) {
	var err error
	if temporary, err = os.MkdirTemp("", "dicer-release-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(temporary)
	os.Exit(code)
}

// made is the folder of a copy of the tree, in which the release and the binaries
// of make build are made, once.
var made = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(temporary, "one")
	return folder, makeIn(folder, nil, "release", "build")
})

// elsewhere is the same with nothing in common but the Go modules and the tools
// that write no binary of dicer's: another folder, an empty build cache, another
// home, time zone and umask.
var elsewhere = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(temporary, "another", "and a", "much longer one")
	home := filepath.Join(temporary, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	env := []string{"HOME=" + home, "XDG_CACHE_HOME=", "GOCACHE=" + filepath.Join(home, "build"), "TZ=Asia/Kathmandu", "LC_ALL=C"}
	for _, name := range []string{"GOENV", "GOPATH", "GOMODCACHE"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return "", err
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	var tools []string
	for name, tool := range map[string][]string{
		"KUSTOMIZE": {"hack/chart", "kustomize"}, "HELM": {"hack/chart", "helm"}, "CYCLONEDX": {"hack/release", "cyclonedx-gomod"},
	} {
		path, err := exec.Command("go", "-C", filepath.Join(root, tool[0]), "tool", "-n", tool[1]).Output()
		if err != nil {
			return "", fmt.Errorf("go tool -n %s: %w", tool[1], err)
		}
		tools = append(tools, name+"="+strings.TrimSpace(string(path)))
	}
	return folder, makeIn(folder, env, append(tools, "release", "build")...)
})

// makeIn copies the tree, as git would store it now, and runs make there. Like an
// unpacked tarball, the copy is no git clone.
func makeIn(folder string, env []string, args ...string) error {
	if err := copyTree(folder); err != nil {
		return err
	}
	args = append([]string{"-c", `umask "$0"; exec make "$@"`, umaskOf(env), "VERSION=" + version, "COMMIT=" + commit, "DATE=" + date}, args...)
	cmd := exec.Command("sh", args...)
	cmd.Dir = folder
	cmd.Env = append(withoutMake(os.Environ()), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make: %w\n%s", err, output)
	}
	return nil
}

func umaskOf(env []string) string {
	if env == nil {
		return "022"
	}
	return "077"
}

func copyTree(folder string) error {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	output, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for _, name := range bytes.Split(bytes.TrimSuffix(output, []byte{0}), []byte{0}) {
		from, to := filepath.Join(root, string(name)), filepath.Join(folder, string(name))
		content, err := os.ReadFile(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return err
		}
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, content, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// withoutMake leaves out what a make test-release that runs this tells a make
// below it.
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
