//go:build image

package image

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A registry that is given the one archive has every architecture's image.
func TestOneArchiveHasTheImagesOfAllArchitectures(t *testing.T) {
	archives, err := made()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := entries(filepath.Join(folder, "dicer-image.tar"))
	if err != nil {
		t.Fatal(err)
	}
	var top, all index
	decode(t, entries["index.json"], &top)
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["io.containerd.image.name"] != "docker.io/library/dicer:"+version {
		t.Fatalf("index.json names %+v", top)
	}
	decode(t, entries[blobPath(top.Manifests[0].Digest)], &all)
	found := map[string]string{}
	for _, m := range all.Manifests {
		found[m.Platform.OS+"/"+m.Platform.Architecture] = m.Digest
	}
	want := map[string]string{}
	for arch, a := range archives {
		var one index
		decode(t, a.Entries["index.json"], &one)
		want["linux/"+arch] = one.Manifests[0].Digest
		for name, content := range a.Entries {
			if strings.HasPrefix(name, "blobs/") && !bytes.Equal(entries[name], content) {
				t.Errorf("%s of linux/%s is not in it", name, arch)
			}
		}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("images (-archives of one architecture +archive of all):\n%s", diff)
	}
}

// index is what matters of an OCI image index.
type index struct {
	Manifests []struct {
		Digest      string
		Annotations map[string]string
		Platform    struct{ Architecture, OS string }
	}
}
