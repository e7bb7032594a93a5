//go:build image

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Archive is an image in a file, as docker save and make image write it.
type Archive struct {
	// Entries are the archive's own files, by name.
	Entries map[string][]byte
	// Tags are the image's, as dicer:v1.
	Tags   []string
	Config Config
	// Files are the image's filesystem, in its order.
	Files []File
	// Packed and Unpacked are the sizes of all layers, in bytes, as they are in
	// the archive and without compression.
	Packed, Unpacked int
}

// Config is what matters of an image's configuration.
type Config struct {
	Created      time.Time `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       struct {
		User       string
		Entrypoint []string
		Cmd        []string
		Labels     map[string]string
	} `json:"config"`
}

// File is one entry of a layer. Names have no leading slash.
type File struct {
	Name string
	Type string
	// Link is the name of the file that this one is a hard link to.
	Link     string
	Mode     os.FileMode
	UID, GID int
	Modified time.Time
	Content  []byte `json:"-"`
	// Digest is the content's SHA-256; a link's is that of its file.
	Digest string
}

// Read reads an archive of one image. Whatever is in a layer counts, also what
// a later one would hide.
func Read(path string) (*Archive, error) {
	files, err := entries(path)
	if err != nil {
		return nil, err
	}
	a := &Archive{Entries: files}
	var images []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(a.Entries["manifest.json"], &images); err != nil || len(images) != 1 {
		return nil, fmt.Errorf("%s: want one image in manifest.json, got %d: %w", path, len(images), err)
	}
	a.Tags = images[0].RepoTags
	if err := json.Unmarshal(a.Entries[images[0].Config], &a.Config); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", path, images[0].Config, err)
	}
	for _, layer := range images[0].Layers {
		if err := a.unpack(a.Entries[layer]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, layer, err)
		}
	}
	return a, nil
}

// entries are an archive's own files, by name.
func entries(path string) (map[string][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	files := map[string][]byte{}
	err = each(file, func(header *tar.Header, content []byte) { files[header.Name] = content })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return files, nil
}

func (a *Archive) unpack(layer []byte) error {
	a.Packed += len(layer)
	if bytes.HasPrefix(layer, []byte{0x1f, 0x8b}) {
		r, err := gzip.NewReader(bytes.NewReader(layer))
		if err != nil {
			return err
		}
		if layer, err = io.ReadAll(r); err != nil {
			return err
		}
	}
	// Go's reader, and those of Docker and containerd, do without; tar does not.
	if len(layer)%512 != 0 || !bytes.HasSuffix(layer, make([]byte, 1024)) {
		return errors.New("the layer lacks the two empty blocks that end an archive")
	}
	a.Unpacked += len(layer)
	return each(bytes.NewReader(layer), func(header *tar.Header, content []byte) {
		var link string
		if header.Typeflag == tar.TypeLink {
			link = strings.TrimPrefix(header.Linkname, "./")
			content = a.content(link)
		}
		a.Files = append(a.Files, File{
			Name:     strings.TrimPrefix(header.Name, "./"),
			Type:     string(header.Typeflag),
			Link:     link,
			Mode:     header.FileInfo().Mode(),
			UID:      header.Uid,
			GID:      header.Gid,
			Modified: header.ModTime.UTC(),
			Content:  content,
			Digest:   digest(content),
		})
	})
}

// content is that of a file that was unpacked before, nil where there is none.
func (a *Archive) content(name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Content
		}
	}
	return nil
}

func each(archive io.Reader, do func(*tar.Header, []byte)) error {
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		do(header, content)
	}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
