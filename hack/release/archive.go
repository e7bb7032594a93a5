package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// programOf is the content of the one program in an image's archive of make image.
func programOf(archive string) ([]byte, error) {
	file, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	list, err := entry(file, "manifest.json")
	if err != nil {
		return nil, err
	}
	var images []struct{ Layers []string }
	if err := json.Unmarshal(list, &images); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(images) != 1 || len(images[0].Layers) != 1 {
		return nil, errors.New("manifest.json: want one image of one layer")
	}
	packed, err := entry(file, images[0].Layers[0])
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	layer, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return entry(layer, "fanout")
}

// entry is the content of a tar's file.
func entry(archive []byte, name string) ([]byte, error) {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if header.Name == name {
			return io.ReadAll(r)
		}
	}
}
