package main

import (
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// chart is the chart's folder in deploy/.
const chart = "chart/dicer"

// header is how a written template begins. What begins otherwise is a person's.
const header = "{{- /* Written by make generate, from the manifests of deploy/. Not to be edited. */}}\n"

// files is what is written, by its path in deploy/.
type files map[string]string

// generator is a run of it.
type generator struct {
	marks
	defaults defaults
	// image is what the default overlay runs.
	image string
}

// generate returns what make generate writes.
func generate(deploy string) (files, error) {
	g := &generator{}
	tree, err := load(deploy)
	if err != nil {
		return nil, err
	}
	all, err := render(tree, defaultOverlay)
	if err != nil {
		return nil, err
	}
	allTemplates, err := render(tree, templatesAllOverlay)
	if err != nil {
		return nil, err
	}
	clientAuth, err := render(tree, clientAuthOverlay)
	if err != nil {
		return nil, err
	}
	// Before generalize: the places go by name.
	if err := g.put(clientAuth, clientAuthPlaces); err != nil {
		return nil, err
	}
	if err := g.put(all, all.places(allTemplates, clientAuth)); err != nil {
		return nil, err
	}
	if err := g.leftovers(all); err != nil {
		return nil, err
	}
	openshift, err := render(tree, openshiftOverlay)
	if err != nil {
		return nil, err
	}
	webhookOnly, err := render(tree, webhookOnlyOverlay)
	if err != nil {
		return nil, err
	}
	monitoring, err := g.more(tree, monitoringOverlay, all, monitoringPlaces)
	if err != nil {
		return nil, err
	}
	policies, err := g.more(tree, policiesOverlay, all, all.policyPlaces())
	if err != nil {
		return nil, err
	}
	for _, o := range []*overlay{all, openshift, webhookOnly, monitoring, policies} {
		if err := o.generalize(&g.marks); err != nil {
			return nil, err
		}
	}
	written := files{}
	if err := g.templates(written, all, openshift, webhookOnly); err != nil {
		return nil, err
	}
	for _, o := range []*overlay{monitoring, policies} {
		for _, object := range o.objects {
			if err := g.write(written, object, "if .Values."+o.name+".enabled"); err != nil {
				return nil, err
			}
		}
	}
	return written, g.defaults.write(written, deploy)
}

// more renders an overlay that brings further objects, and keeps these alone. Its
// name is that of the value that enables it.
func (g *generator) more(tree filesys.FileSystem, name string, all *overlay, places []place) (*overlay, error) {
	o, err := render(tree, name)
	if err != nil {
		return nil, err
	}
	o.objects = o.beyond(all, &g.marks)
	if err := g.put(o, places); err != nil {
		return nil, err
	}
	return o, g.leftovers(o)
}

// write replaces what an earlier run has written.
func (f files) write(deploy string) error {
	old, err := filepath.Glob(filepath.Join(deploy, template("*")))
	if err != nil {
		return err
	}
	for _, path := range old {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(content), header) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for path, content := range f {
		if err := os.WriteFile(filepath.Join(deploy, path), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
