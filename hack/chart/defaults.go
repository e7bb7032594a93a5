package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// defaults are those of values that stand in a manifest, by the chart's file.
type defaults []defaultValue

type defaultValue struct {
	file, name string
	node       *yaml.RNode
	// comment is the manifest's. Empty: the file has its own.
	comment string
}

// add notes one. The webhook's stays where fan-out has the same value: it comes
// first.
func (d *defaults) add(more defaultValue) {
	if !slices.ContainsFunc(*d, func(known defaultValue) bool { return known.name == more.name }) {
		*d = append(*d, more)
	}
}

// write writes the files anew, with these defaults. The rest of them is a
// person's.
func (d defaults) write(written files, deploy string) error {
	roots := map[string]*yaml.RNode{}
	for _, value := range d {
		path := filepath.Join(chart, value.file)
		if roots[path] == nil {
			root, err := yaml.ReadFile(filepath.Join(deploy, path))
			if err != nil {
				return err
			}
			roots[path] = root
		}
		at, err := fieldAt(roots[path], strings.Split(value.name, "."))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		at.Value.SetYNode(value.node.YNode())
		if value.comment != "" {
			at.Key.YNode().HeadComment = value.comment
		}
	}
	for path, root := range roots {
		text, err := root.String()
		if err != nil {
			return err
		}
		written[path] = text
	}
	return nil
}

// fieldAt returns the field at a path of names; [name=x] is the element of that
// name.
func fieldAt(root *yaml.RNode, path []string) (*yaml.MapNode, error) {
	last := len(path) - 1
	parent, err := root.Pipe(yaml.Lookup(path[:last]...))
	if err != nil {
		return nil, err
	}
	if parent != nil {
		if field := parent.Field(path[last]); field != nil {
			return field, nil
		}
	}
	return nil, fmt.Errorf("%s: it is not there; hack/chart/places.go knows it as a value's place", strings.Join(path, "."))
}
