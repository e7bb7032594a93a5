package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml3 "go.yaml.in/yaml/v3"
)

// Edit is a change of a file: text in place of what is from start to end.
type Edit struct {
	start, end int
	text       string
}

// Apply makes the edits, of which no two may overlap, in a file.
func Apply(content []byte, edits []Edit) []byte {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.start - b.start })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(content[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.Write(content[at:])
	return out.Bytes()
}

// errUneditable is about what has no place of its own in the file, or one that
// other fields share.
var errUneditable = errors.New("cannot be edited in place: write metadata and its annotations out, without anchors, aliases, tags or text of several lines")

// SetAnnotation returns the edit that sets an annotation of what is at path, a field
// path to an object or template. An error says that the file is written in a way that
// leaves no place for it.
func (o *Object) SetAnnotation(path, key, value string) (Edit, error) {
	place := path + ".metadata.annotations[" + key + "]"
	edit, ok := o.setAnnotation(segments(path), key, value)
	if !ok || !o.sets(edit, append(segments(path), "metadata", "annotations", key), value) {
		p := o.Position(place, "")
		return Edit{}, fmt.Errorf("%s:%d:%d: %s: %w", o.File, p.Line, p.Column, place, errUneditable)
	}
	return edit, nil
}

func (o *Object) setAnnotation(path []string, key, value string) (Edit, bool) {
	metadata, ok := descend(o.node, append(slices.Clone(path), "metadata"))
	if !ok || metadata.key == nil {
		return Edit{}, false
	}
	annotations, ok := field(metadata.node, "annotations")
	if !ok {
		return o.insert(metadata, []string{"annotations", key}, value)
	}
	current, ok := field(annotations.node, key)
	if !ok {
		return o.insert(annotations, []string{key}, value)
	}
	start := o.offset(current.node)
	length, ok := scalarLength(current.node, o.source.content[start:])
	return Edit{start, start + length, strconv.Quote(value)}, ok
}

// scalarLength is how long a scalar is that is written on one line.
func scalarLength(n *yaml3.Node, written []byte) (length int, ok bool) {
	line, _, _ := bytes.Cut(written, []byte("\n"))
	switch n.Style {
	case 0:
		if n.Tag == "!!null" && !bytes.HasPrefix(line, []byte(n.Value)) {
			return 0, false
		}
		return len(n.Value), bytes.HasPrefix(line, []byte(n.Value))
	case yaml3.DoubleQuotedStyle:
		for i := 1; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				return i + 1, true
			}
		}
	case yaml3.SingleQuotedStyle:
		for i := 1; i < len(line); i++ {
			if line[i] != '\'' {
				continue
			}
			if i+1 == len(line) || line[i+1] != '\'' {
				return i + 1, true
			}
			i++
		}
	}
	return 0, false
}

// insert writes a field, with what is above it, as the first of a mapping.
func (o *Object) insert(into place, keys []string, value string) (Edit, bool) {
	content := o.source.content
	switch n := into.node; {
	case n.Kind == yaml3.MappingNode && n.Style&yaml3.FlowStyle != 0:
		return o.insertFlow(n, keys, value)
	case n.Kind == yaml3.MappingNode:
		// Below the key, so that the comment above the mapping's first field stays there.
		first := n.Content[0]
		if first.Line <= into.key.Line {
			return Edit{}, false
		}
		return below(content, o.offset(into.key), first.Column-1, keys, value)
	case n.Kind == yaml3.ScalarNode && n.Tag == "!!null" && n.Value == "":
		return below(content, o.offset(into.key), into.key.Column+1, keys, value)
	default:
		return Edit{}, false
	}
}

// below writes a field on the lines after the one of a key.
func below(content []byte, key, indent int, keys []string, value string) (Edit, bool) {
	newline := "\n"
	if bytes.Contains(content, []byte("\r\n")) {
		newline = "\r\n"
	}
	end := bytes.Index(content[key:], []byte(newline))
	if end < 0 {
		end = len(content) - key
	}
	var text strings.Builder
	for i, k := range keys {
		text.WriteString(newline + strings.Repeat(" ", indent+2*i) + k + ":")
	}
	text.WriteString(" " + strconv.Quote(value))
	return Edit{key + end, key + end, text.String()}, true
}

// insertFlow writes a field behind the brace of a mapping, as far from it as the
// first one is.
func (o *Object) insertFlow(n *yaml3.Node, keys []string, value string) (Edit, bool) {
	content, brace := o.source.content, o.offset(n)
	start := brace + 1
	// Anchors, tags and odd ends of lines put it elsewhere.
	if brace >= len(content) || content[brace] != '{' {
		return Edit{}, false
	}
	text := strconv.Quote(value)
	for i, k := range slices.Backward(keys) {
		text = strconv.Quote(k) + ": " + text
		if i > 0 {
			text = "{" + text + "}"
		}
	}
	if len(n.Content) > 0 {
		first := o.offset(n.Content[0])
		if first < start {
			return Edit{}, false
		}
		between := string(content[start:first])
		if strings.TrimSpace(between) != "" {
			between = " "
		}
		text = between + text + ","
		if between == "" {
			text += " "
		}
	}
	return Edit{start, start, text}, true
}

// sets tells whether the file with the edit is the file with that one field set.
func (o *Object) sets(e Edit, path []string, value string) bool {
	before, err1 := values(o.source.content)
	after, err2 := values(Apply(o.source.content, []Edit{e}))
	if err1 != nil || err2 != nil || len(before) != len(after) {
		return false
	}
	changed := 0
	for i := range before {
		if reflect.DeepEqual(before[i], after[i]) {
			continue
		}
		changed++
		if !setIn(before[i], path, value) || !reflect.DeepEqual(before[i], after[i]) {
			return false
		}
	}
	return changed <= 1
}

// values are what the objects of a file hold.
func values(content []byte) ([]any, error) {
	objects, err := Read("", content)
	if err != nil {
		return nil, err
	}
	all := make([]any, len(objects))
	for i, o := range objects {
		if err := json.Unmarshal(o.JSON, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// setIn sets a text in maps and slices, and makes the last maps that are missing.
func setIn(in any, path []string, value string) bool {
	switch v := in.(type) {
	case []any:
		i, err := strconv.Atoi(path[0])
		return err == nil && i < len(v) && len(path) > 1 && setIn(v[i], path[1:], value)
	case map[string]any:
		if len(path) == 1 {
			v[path[0]] = value
			return true
		}
		if v[path[0]] == nil {
			v[path[0]] = map[string]any{}
		}
		return setIn(v[path[0]], path[1:], value)
	default:
		return false
	}
}
