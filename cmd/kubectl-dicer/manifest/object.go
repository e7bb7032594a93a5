package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// Object is one object of a file.
type Object struct {
	// File is the file's name as it was given.
	File string
	// Kind is of the object's apiVersion and kind.
	Kind schema.GroupVersionKind
	// Name is metadata.name, else metadata.generateName and "*".
	Name string
	// JSON is the object as kubectl would send it.
	JSON []byte

	source *source
	node   *yaml3.Node
}

// source is the document that an object is in.
type source struct {
	// content is the whole file.
	content []byte
	// line is how many lines of the file come before the document's first.
	line int
	json bool
}

// Read returns the objects of a file, those in a List one by one. What is no
// object, as the values of a chart, is left out. A document that cannot be read is
// an error with file and line; the objects of the others are returned beside it.
func Read(file string, content []byte) ([]*Object, error) {
	var objects []*Object
	var errs []error
	for _, d := range split(content) {
		s := &source{content: content, line: bytes.Count(content[:d.start], []byte("\n")), json: d.json}
		raw, err := yaml.YAMLToJSON(d.text)
		if d.json {
			raw, err = d.text, nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, moveLine(err, s.line)))
			continue
		}
		objects = append(objects, flatten(&Object{File: file, JSON: raw, source: s, node: parse(content, d)})...)
	}
	return objects, errors.Join(errs...)
}

// parse returns the node of a document, nil where only its JSON can be read.
func parse(content []byte, d document) *yaml3.Node {
	// Blanks stand for what precedes the document on its line, so that columns count
	// from there. A tab in JSON is a blank, and YAML has it nowhere.
	first := bytes.LastIndexByte(content[:d.start], '\n') + 1
	text := append(bytes.Repeat([]byte(" "), len([]rune(string(content[first:d.start])))), d.text...)
	if d.json {
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	}
	var node yaml3.Node
	if yaml3.Unmarshal(text, &node) != nil || len(node.Content) == 0 {
		return nil
	}
	return node.Content[0]
}

// flatten returns the object, or those of a List in it.
func flatten(o *Object) []*Object {
	var head struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
		Metadata   struct {
			Name         string `json:"name"`
			GenerateName string `json:"generateName"`
		} `json:"metadata"`
	}
	// A field of another type leaves the others as they are.
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(o.JSON, &head); err != nil && !errors.As(err, &wrong) {
		return nil
	}
	if head.APIVersion == "" || head.Kind == "" {
		return nil
	}
	if !strings.HasSuffix(head.Kind, "List") {
		o.Kind = schema.FromAPIVersionAndKind(head.APIVersion, head.Kind)
		o.Name = head.Metadata.Name
		if o.Name == "" && head.Metadata.GenerateName != "" {
			o.Name = head.Metadata.GenerateName + "*"
		}
		return []*Object{o}
	}
	var objects []*Object
	for i, item := range head.Items {
		inner, _ := descend(o.node, []string{"items", strconv.Itoa(i)})
		objects = append(objects, flatten(&Object{File: o.File, JSON: item, source: o.source, node: inner.node})...)
	}
	return objects
}

// moved is what a YAML parser says of a line of the document.
var moved = regexp.MustCompile(`line (\d+)`)

// moveLine makes the lines in a parser's error lines of the file.
func moveLine(err error, by int) error {
	text := moved.ReplaceAllStringFunc(err.Error(), func(s string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(s, "line ")) // digits
		return fmt.Sprintf("line %d", n+by)
	})
	return errors.New(text)
}
