package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// certManagerModule pins cert-manager, of which the published manifest is taken
// in the same version.
const certManagerModule = "github.com/cert-manager/cert-manager"

// installCertManager installs the published one by its manifest, or that of
// archive, which was built from source.
func (c *cluster) installCertManager(ctx context.Context, manifest, archive string) error {
	var err error
	if archive == "" {
		err = quietly(c.kubectlCommand(ctx, "apply", "--filename", manifest))
	} else {
		err = c.builtCertManager(ctx, archive)
	}
	if err != nil {
		return err
	}
	if err := quietly(c.kubectlCommand(ctx, "wait", "--namespace", "cert-manager", "deployment", "--all", "--for=condition=Available", "--timeout=5m")); err != nil {
		return err
	}
	// The published one has a webhook, which is late at times.
	return eventually(ctx, time.Minute, func() error {
		probe := c.kubectlCommand(ctx, "create", "--dry-run=server", "--filename", "-")
		probe.Stdin = strings.NewReader(`{"apiVersion":"cert-manager.io/v1","kind":"Issuer","metadata":{"name":"probe","namespace":"default"},"spec":{"selfSigned":{}}}`)
		return quietly(probe)
	})
}

// fetchCertManager writes the published manifest of the version that is pinned
// into a file.
func fetchCertManager(ctx context.Context, target string) error {
	mod, err := os.ReadFile(filepath.Join(modules, "certmanager", "go.mod"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(regexp.QuoteMeta(certManagerModule) + ` (v\S+)`).FindSubmatch(mod)
	if found == nil {
		return errors.New("hack/kind/certmanager/go.mod does not name cert-manager")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s/releases/download/%s/cert-manager.yaml", certManagerModule, found[1]), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", request.URL, response.Status)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o644)
}

func (c *cluster) builtCertManager(ctx context.Context, archive string) error {
	if err := c.load(ctx, archive); err != nil {
		return err
	}
	dir, err := moduleDir(ctx, filepath.Join(modules, "certmanager"), "go.mod", certManagerModule)
	if err != nil {
		return err
	}
	for _, kind := range []string{"certificaterequests", "certificates", "clusterissuers", "issuers"} {
		file := filepath.Join(dir, "deploy", "crds", "cert-manager.io_"+kind+".yaml")
		// Its descriptions are too long for the annotation of a client's apply.
		if err := quietly(c.kubectlCommand(ctx, "apply", "--server-side", "--filename", file)); err != nil {
			return err
		}
	}
	manifest, err := files.ReadFile("files/cert-manager.yaml")
	if err != nil {
		return err
	}
	apply := c.kubectlCommand(ctx, "apply", "--filename", "-")
	apply.Stdin = strings.NewReader(string(manifest))
	return quietly(apply)
}

// certManagerImage is what files/cert-manager.yaml names.
const certManagerImage = "dicer-kind-cert-manager:source"

// certManagerArchive makes the image of cert-manager from source.
func certManagerArchive(ctx context.Context, e *engine, p *parts, dir string) (string, error) {
	i := &image{
		tag:          certManagerImage,
		files:        map[string]string{"certmanager": p.certManager.File("certmanager")},
		instructions: "USER 65532:65532\nENTRYPOINT [\"/certmanager\"]\n",
	}
	archive := filepath.Join(dir, "cert-manager.tar")
	return archive, saveImages(ctx, e, []*image{i}, filepath.Join(dir, "cert-manager"), archive)
}
