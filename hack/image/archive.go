package main

import (
	"archive/tar"
	"errors"
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

// writeArchive writes one image as an OCI image layout, which containerd (and so
// kind) and new Dockers read, with the manifest.json of docker save, which all
// Dockers and podman read.
func writeArchive(path string, i *image, version string, created time.Time) error {
	docker, err := newJSON("", []dockerImage{{
		Config:   blobPath(i.config),
		RepoTags: []string{repository + ":" + version},
		Layers:   []string{blobPath(i.layer)},
	}})
	if err != nil {
		return err
	}
	files, err := layout(i.entry(), version, i.blobs()...)
	if err != nil {
		return err
	}
	return writeWhole(path, append(files, archiveFile{"manifest.json", docker.content}), created)
}

// writeIndexArchive writes the images of several architectures as one, which a
// registry takes as it is: a node pulls its own. docker save has no such thing.
func writeIndexArchive(path string, images []*image, version string, created time.Time) error {
	var entries []descriptor
	var blobs []blob
	for _, i := range images {
		entries = append(entries, i.entry())
		blobs = append(blobs, i.blobs()...)
	}
	all, err := newJSON(typeIndex, index{SchemaVersion: 2, MediaType: typeIndex, Manifests: entries})
	if err != nil {
		return err
	}
	files, err := layout(all.descriptor, version, append(blobs, all)...)
	if err != nil {
		return err
	}
	return writeWhole(path, files, created)
}

// archiveFile is a file of an archive.
type archiveFile struct {
	name    string
	content []byte
}

// layout is the files of an OCI image layout whose one image, or index of
// images, is top.
func layout(top descriptor, version string, blobs ...blob) ([]archiveFile, error) {
	// containerd's name is the whole one, which a pod's dicer:v1 becomes.
	named, err := reference.ParseNormalizedNamed(repository + ":" + version)
	if err != nil {
		return nil, err
	}
	top.Annotations = map[string]string{
		"io.containerd.image.name":          named.String(),
		"org.opencontainers.image.ref.name": version,
	}
	list, err := newJSON(typeIndex, index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{top}})
	if err != nil {
		return nil, err
	}
	files := []archiveFile{{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"index.json", list.content}}
	for _, b := range blobs {
		files = append(files, archiveFile{blobPath(b), b.content})
	}
	return files, nil
}

// writeWhole writes an archive that is there as a whole or not at all.
func writeWhole(path string, files []archiveFile, created time.Time) error {
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	w := tar.NewWriter(out)
	for _, f := range files {
		if err = writeFile(w, f.name, 0o644, created, f.content); err != nil {
			break
		}
	}
	if err := errors.Join(err, w.Close(), out.Chmod(0o644), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}

func blobPath(b blob) string { return "blobs/" + strings.Replace(b.Digest, ":", "/", 1) }
