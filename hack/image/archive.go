package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/distribution/reference"
)

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// dockerImage is an item of manifest.json, as docker save writes it.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// writeArchive writes an OCI image layout, which containerd (and so kind) and
// new Dockers read, with the manifest.json of docker save, which all Dockers
// and podman read. The file is there as a whole or not at all.
func writeArchive(path string, i *image, version string, created time.Time) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	err = errors.Join(writeLayout(file, i, version, created), file.Chmod(0o644), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func writeLayout(out io.Writer, i *image, version string, created time.Time) error {
	// containerd's name is the whole one, which a pod's dicer:v1 becomes.
	named, err := reference.ParseNormalizedNamed(repository + ":" + version)
	if err != nil {
		return err
	}
	entry := i.manifest.descriptor
	entry.Platform = &i.platform
	entry.Annotations = map[string]string{
		"io.containerd.image.name":          named.String(),
		"org.opencontainers.image.ref.name": version,
	}
	top, err := newJSON(typeIndex, index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{entry}})
	if err != nil {
		return err
	}
	docker, err := newJSON("", []dockerImage{{
		Config:   blobPath(i.config),
		RepoTags: []string{repository + ":" + version},
		Layers:   []string{blobPath(i.layer)},
	}})
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	for _, entry := range []struct {
		name    string
		content []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", top.content},
		{"manifest.json", docker.content},
		{blobPath(i.manifest), i.manifest.content},
		{blobPath(i.config), i.config.content},
		{blobPath(i.layer), i.layer.content},
	} {
		if err := writeFile(w, entry.name, 0o644, created, entry.content); err != nil {
			return err
		}
	}
	return w.Close()
}

func blobPath(b blob) string { return "blobs/" + strings.Replace(b.Digest, ":", "/", 1) }
