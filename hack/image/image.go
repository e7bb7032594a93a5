package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Media types of the OCI image specification 1.1.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// blob is content and the descriptor that points to it.
type blob struct {
	descriptor
	content []byte
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type config struct {
	Created time.Time `json:"created"`
	platform
	Config  execution `json:"config"`
	RootFS  rootFS    `json:"rootfs"`
	History []history `json:"history"`
}

// execution has upper-case names in the specification too.
type execution struct {
	User       string
	Entrypoint []string
	Labels     map[string]string
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type history struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// image is one architecture's, with one layer.
type image struct {
	platform                platform
	layer, config, manifest blob
	// unpacked is the layer's size without compression, in bytes.
	unpacked int64
}

// entry is what an index says of the image.
func (i *image) entry() descriptor {
	entry := i.manifest.descriptor
	entry.Platform = &i.platform
	return entry
}

func (i *image) blobs() []blob { return []blob{i.manifest, i.config, i.layer} }

// newImage makes the image of the program in folder.
func newImage(folder, arch string, created time.Time, labels map[string]string) (*image, error) {
	unpacked, err := tarball(folder, created)
	if err != nil {
		return nil, err
	}
	packed, err := compress(unpacked)
	if err != nil {
		return nil, err
	}
	i := &image{
		platform: platform{Architecture: arch, OS: "linux"},
		layer:    newBlob(typeLayer, packed),
		unpacked: int64(len(unpacked)),
	}
	i.config, err = newJSON(typeConfig, config{
		Created:  created,
		platform: i.platform,
		Config: execution{
			// Numbers: there is no /etc/passwd, and Kubernetes' runAsNonRoot
			// cannot tell of a name that it is not root's.
			User:       "65532:65532",
			Entrypoint: []string{"/webhook"},
			Labels:     labels,
		},
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{digest(unpacked)}},
		History: []history{{Created: created, CreatedBy: "make image"}},
	})
	if err != nil {
		return nil, err
	}
	i.manifest, err = newJSON(typeManifest, manifest{
		SchemaVersion: 2,
		MediaType:     typeManifest,
		Config:        i.config.descriptor,
		Layers:        []descriptor{i.layer.descriptor},
	})
	return i, err
}

// tarball is the image's filesystem: root's files, which the image's own user
// cannot write.
func tarball(folder string, modified time.Time) ([]byte, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	binary, err := os.ReadFile(filepath.Join(folder, program))
	if err != nil {
		return nil, err
	}
	if err := writeFile(w, commands[0], 0o755, modified, binary); err != nil {
		return nil, err
	}
	for _, name := range commands[1:] {
		// A further name of the same file takes no room.
		link := &tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: commands[0], Mode: 0o755, ModTime: modified}
		if err := w.WriteHeader(link); err != nil {
			return nil, err
		}
	}
	if err := writeLicences(w, licences, modified); err != nil {
		return nil, err
	}
	// Before Bytes: Close writes the archive's end.
	if err := w.Close(); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}

// writeLicences adds the files, by their names alone. What is linked into the
// program may only be passed on with its licences, and who pulls an image has
// nothing else.
func writeLicences(w *tar.Writer, files []string, modified time.Time) error {
	folder := &tar.Header{Typeflag: tar.TypeDir, Name: "licenses/", Mode: 0o755, ModTime: modified}
	if err := w.WriteHeader(folder); err != nil {
		return err
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := writeFile(w, "licenses/"+filepath.Base(path), 0o644, modified, content); err != nil {
			return err
		}
	}
	return nil
}

// writeFile adds a file of root's.
func writeFile(w *tar.Writer, name string, mode int64, modified time.Time, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: modified}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func compress(content []byte) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func newJSON(mediaType string, value any) (blob, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return blob{}, err
	}
	return newBlob(mediaType, content), nil
}

func newBlob(mediaType string, content []byte) blob {
	return blob{descriptor{MediaType: mediaType, Digest: digest(content), Size: int64(len(content))}, content}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
