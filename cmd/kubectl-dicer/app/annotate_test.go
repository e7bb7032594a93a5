package app

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The registry's user.
const user, password = "somebody", "secret"

// newRegistry starts a registry in this process, which serves the images below and
// asks for the user where there is a "private/" in a path. The user's name and
// password are in the files that docker has them in.
func newRegistry(t *testing.T) (host string) {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, p, _ := r.BasicAuth(); strings.Contains(r.URL.Path, "/private/") && (n != user || p != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	push := func(path string, add func(name.Reference) error) {
		t.Helper()
		ref, err := name.ParseReference(host + "/" + path)
		if err == nil {
			err = add(ref)
		}
		if err != nil {
			t.Fatalf("pushing %s: %v", path, err)
		}
	}
	auth := remote.WithAuth(&authn.Basic{Username: user, Password: password})
	index := func(index v1.ImageIndex) func(name.Reference) error {
		return func(ref name.Reference) error { return remote.WriteIndex(ref, index, auth) }
	}
	push("multi:latest", index(indexOf(t, "linux/arm64", "linux/amd64", "linux/arm64/v8", "linux/ppc64le", "windows/s390x", "linux/riscv64")))
	push("attested:latest", index(indexOf(t, "linux/amd64", "unknown/unknown", "linux/s390x", "unknown/unknown")))
	push("foreign:latest", index(indexOf(t, "linux/ppc64le")))
	push("private/multi:latest", index(indexOf(t, "linux/amd64", "linux/s390x")))
	// Its list says nothing of platforms; the images do.
	push("silent:latest", index(indexOf(t, "", "linux/amd64")))
	push("single:latest", func(ref name.Reference) error { return remote.Write(ref, image(t, "linux", "arm64"), auth) })
	return host
}

func image(t *testing.T, os, architecture string) v1.Image {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: os, Architecture: architecture})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// indexOf is of images for platforms; one without a platform is for linux/s390x.
func indexOf(t *testing.T, platforms ...string) v1.ImageIndex {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for _, text := range platforms {
		add := mutate.IndexAddendum{Add: image(t, "linux", "s390x")}
		if text != "" {
			platform, err := v1.ParsePlatform(text)
			if err != nil {
				t.Fatal(err)
			}
			add = mutate.IndexAddendum{Add: image(t, platform.OS, platform.Architecture), Descriptor: v1.Descriptor{Platform: platform}}
		}
		index = mutate.AppendManifests(index, add)
	}
	return index
}

// login writes docker's file for the registry.
func login(t *testing.T, host string) {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q}}}`, host, user, password)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
}

// annotated is an SSP whose templates have these lists and sources.
func annotated(templates ...[2]string) string {
	var b strings.Builder
	b.WriteString("apiVersion: ssp.kubevirt.io/v1beta3\nkind: SSP\nmetadata: {name: ssp} # comment\nspec:\n  commonTemplates:\n    dataImportCronTemplates:\n")
	for i, t := range templates {
		fmt.Fprintf(&b, "    # number %d\n    - metadata:\n        name: t%d\n", i, i)
		if t[0] != "" {
			fmt.Fprintf(&b, "        annotations:\n          z: text\n          ssp.kubevirt.io/dict.architectures: %s # list\n", t[0])
		}
		fmt.Fprintf(&b, "      spec: {managedDataSource: t%d, template: {spec: {source: %s}}}\n", i, t[1])
	}
	return b.String()
}

func url(host, image string) string {
	return fmt.Sprintf(`{registry: {url: "docker://%s/%s"}}`, host, image)
}

func TestAnnotateFillsListsFromTheImages(t *testing.T) {
	host := newRegistry(t)
	login(t, host)
	for name, tc := range map[string]struct {
		image, before, after string
		stderr               string
	}{
		"many, one twice, others not accepted": {image: "multi", before: `"amd64,arn64"`, after: `"amd64,arm64"`,
			stderr: `"amd64,arm64", was "amd64,arn64"; left out, not accepted: ppc64le, riscv64`},
		"right already, in another order": {image: "multi", before: `"arm64,amd64"`, after: `"arm64,amd64"`, stderr: `"arm64,amd64" is right`},
		"with white space, which HCO does not trim": {image: "multi", before: `amd64, arm64`, after: `"amd64,arm64"`,
			stderr: `"amd64,arm64", was "amd64, arm64"`},
		"one image without a list": {image: "single", before: `"amd64,arm64"`, after: `"arm64"`, stderr: `"arm64", was "amd64,arm64"`},
		"attestations are none":    {image: "attested", before: `"unknown"`, after: `"amd64,s390x"`, stderr: `"amd64,s390x", was "unknown"` + "\n"},
		"a list without platforms": {image: "silent", before: `""`, after: `"amd64,s390x"`, stderr: `"amd64,s390x"` + "\n"},
		"with a password":          {image: "private/multi", before: `x`, after: `"amd64,s390x"`, stderr: `"amd64,s390x", was "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			before := annotated([2]string{tc.before, url(host, tc.image)})
			want := strings.Replace(before, "architectures: "+tc.before, "architectures: "+tc.after, 1)
			r := run(t.Context(), before, "annotate", "-f", "-")
			if r.code != 0 || !strings.HasPrefix(r.stderr, `stdin:8: template "t0": `+tc.stderr) {
				t.Errorf("exit code %d, %q; want %q", r.code, r.stderr, tc.stderr)
			}
			if diff := cmp.Diff(want, r.stdout); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnnotateTellsWhatItCannotFill has a template for each reason, and one that can
// be filled all the same.
func TestAnnotateTellsWhatItCannotFill(t *testing.T) {
	host := newRegistry(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	good := [2]string{"", url(host, "multi")}
	for name, tc := range map[string]struct {
		source, stderr string
		code           int
	}{
		"a missing image":           {source: url(host, "missing"), code: 2, stderr: `stdin:8: template "t0": image ` + host + "/missing:latest: "},
		"one for others alone":      {source: url(host, "foreign"), code: 1, stderr: `stdin:8: template "t0": left alone: its image is there for none of amd64, arm64, s390x; left out, not accepted: ppc64le`},
		"one without permission":    {source: url(host, "private/multi"), code: 2, stderr: "UNAUTHORIZED"},
		"a registry that is down":   {source: url("127.0.0.1:1", "x"), code: 2, stderr: "image 127.0.0.1:1/x:latest: "},
		"an image stream":           {source: "{registry: {imageStream: x}}", stderr: `stdin:8: template "t0": left alone: its source names no image in a registry`},
		"no registry":               {source: "{http: {url: https://x}}", stderr: `stdin:8: template "t0": left alone: its source names no image in a registry`},
		"an archive":                {source: `{registry: {url: "oci-archive://x"}}`, code: 2, stderr: `"oci-archive://x" is in no registry; want docker:// and the image's name`},
		"a name that is no image's": {source: `{registry: {url: "docker://A B"}}`, code: 2, stderr: `"docker://A B" is no image`},
	} {
		t.Run(name, func(t *testing.T) {
			before := annotated([2]string{"", tc.source}, good)
			want := strings.Replace(before, "        name: t1\n", "        annotations:\n          ssp.kubevirt.io/dict.architectures: \"amd64,arm64\"\n        name: t1\n", 1)
			r := run(t.Context(), before, "annotate", "-f", "-")
			if r.code != tc.code || !strings.Contains(r.stderr, tc.stderr) {
				t.Errorf("exit code %d, %q; want %d, %q", r.code, r.stderr, tc.code, tc.stderr)
			}
			if diff := cmp.Diff(want, r.stdout); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnnotateInPlace keeps comments and order, the file's mode and a link to it, and
// does not write what is right already.
func TestAnnotateInPlace(t *testing.T) {
	host := newRegistry(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	dir := t.TempDir()
	file, link := filepath.Join(dir, "ssp.yaml"), filepath.Join(dir, "link.yaml")
	before := "# head\r\n" + strings.ReplaceAll(annotated([2]string{"x", url(host, "multi")}), "\n", "\r\n") + "---\r\n# another\r\na:   b\r\n"
	if err := os.WriteFile(file, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("ssp.yaml", link); err != nil {
		t.Fatal(err)
	}
	if r := run(t.Context(), "", "annotate", "-f", link, "--in-place"); r.code != 0 || r.stdout != "" {
		t.Fatalf("%+v", r)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Replace(before, "architectures: x", `architectures: "amd64,arm64"`, 1), string(after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	first, err := os.Stat(file)
	if err != nil || first.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v", first, err)
	}
	if r := run(t.Context(), "", "annotate", "-f", dir, "--in-place"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if second, err := os.Stat(file); err != nil || !os.SameFile(first, second) {
		t.Errorf("a file that is right was written: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".dicer-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestAnnotateTheSeed has a file by its name, with the README's line.
func TestAnnotateTheSeed(t *testing.T) {
	host := newRegistry(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	seed, err := os.ReadFile("testdata/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	before := strings.Replace(string(seed), "imageStream: rhel10-guest", "url: docker://"+host+"/multi", 1)
	if err := os.WriteFile("ssp.yaml", []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	r := run(t.Context(), "", "annotate", "-f", "ssp.yaml", "--in-place")
	if r.code != 0 || !strings.Contains(string(readme), "$ kubectl dicer annotate -f ssp.yaml --in-place\n"+r.stderr+"```\n") {
		t.Errorf("exit code %d; README.md has not:\n%s", r.code, r.stderr)
	}
	after, err := os.ReadFile("ssp.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Replace(before, "amd64,arn64", "amd64,arm64", 1), string(after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnnotateHyperConverged(t *testing.T) {
	host := newRegistry(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	before, err := os.ReadFile("testdata/hyperconverged.json")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(before), "quay.io/example/rhel10", host+"/attested", 1)
	r := run(t.Context(), text, "annotate", "-f", "-")
	if want := strings.Replace(text, "amd64, arm64", "amd64,s390x", 1); r.code != 0 || r.stdout != want {
		t.Errorf("exit code %d, %s\n%s", r.code, r.stderr, cmp.Diff(want, r.stdout))
	}
}

func TestAnnotateGivesUp(t *testing.T) {
	reached := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	before := annotated([2]string{"", url(strings.TrimPrefix(server.URL, "http://"), "slow")})
	if r := run(ctx, before, "annotate", "-f", "-"); r.code != 2 || r.stdout != before || !strings.Contains(r.stderr, "context canceled") {
		t.Errorf("%+v", r)
	}
}
