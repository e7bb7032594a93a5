package images

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// scheme starts the URL of a registry source that names an image in a registry.
const scheme = "docker://"

// unknown is the operating system and architecture of what is in an index and no
// image, as BuildKit's attestations are.
const unknown = "unknown"

// Architectures returns the architectures of an image for Linux, each once, in the
// order of its manifest list; of an image without one, its own. url is a registry
// source's, as "docker://quay.io/example/rhel10:latest". Credentials come from the
// files of docker and podman. An error names the image.
func Architectures(ctx context.Context, url string) ([]string, error) {
	reference, found := strings.CutPrefix(url, scheme)
	if !found {
		return nil, fmt.Errorf("%q is in no registry; want %s and the image's name", url, scheme)
	}
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("%q is no image: %w", url, err)
	}
	image, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref.Name(), err)
	}
	all, err := architectures(image)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref.Name(), err)
	}
	return all, nil
}

func architectures(image *remote.Descriptor) ([]string, error) {
	if !image.MediaType.IsIndex() {
		one, err := image.Image()
		if err != nil {
			return nil, err
		}
		return add(nil, one)
	}
	index, err := image.ImageIndex()
	if err != nil {
		return nil, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, m := range list.Manifests {
		switch {
		case m.Platform != nil:
			all = addPlatform(all, m.Platform.OS, m.Platform.Architecture)
		case m.MediaType.IsImage():
			one, err := index.Image(m.Digest)
			if err != nil {
				return nil, err
			}
			if all, err = add(all, one); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// add adds what an image's own configuration says.
func add(all []string, image v1.Image) ([]string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return addPlatform(all, config.OS, config.Architecture), nil
}

func addPlatform(all []string, os, architecture string) []string {
	if (os != "" && os != "linux") || architecture == "" || architecture == unknown || slices.Contains(all, architecture) {
		return all
	}
	return append(all, architecture)
}
