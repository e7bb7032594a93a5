package manifest

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml3 "go.yaml.in/yaml/v3"
)

// Position is a place in a file. Both numbers start at 1, columns count characters.
type Position struct {
	Line, Column int
}

// place is what was found of a field: its value, and its key, nil for an item of a
// sequence.
type place struct {
	key, node *yaml3.Node
}

// Position returns where a field is, by its path as a field.Path writes it. It is
// the place of a text or number, of the key before anything larger, and of what
// would hold a field that is not there. value, where it is one item of the field's
// text ("arn64" in "amd64,arn64"), leads to that item.
func (o *Object) Position(path, value string) Position {
	at, whole := descend(o.node, segments(path))
	switch {
	case o.node == nil:
		return Position{o.source.line + 1, 1}
	case whole && at.node.Kind == yaml3.ScalarNode:
		p := o.at(at.node)
		p.Column += o.itemOffset(at.node, value)
		return p
	case at.key != nil:
		return o.at(at.key)
	default:
		return o.at(at.node)
	}
}

func (o *Object) at(n *yaml3.Node) Position { return Position{o.source.line + n.Line, n.Column} }

// descend follows the segments from a node as far as they lead; whole tells whether
// that is to their end.
func descend(from *yaml3.Node, path []string) (at place, whole bool) {
	at = place{node: from}
	for _, segment := range path {
		next, ok := child(at.node, segment)
		if !ok {
			return at, false
		}
		at = next
	}
	return at, from != nil
}

func child(of *yaml3.Node, segment string) (place, bool) {
	of = resolved(of)
	switch {
	case of == nil:
		return place{}, false
	case of.Kind == yaml3.SequenceNode:
		if i, err := strconv.Atoi(segment); err == nil && i >= 0 && i < len(of.Content) {
			return place{node: resolved(of.Content[i])}, true
		}
	case of.Kind == yaml3.MappingNode:
		return field(of, segment)
	}
	return place{}, false
}

// field finds a key of a mapping, or in what is merged into it ("<<") where it has
// none of its own.
func field(of *yaml3.Node, name string) (place, bool) {
	if found, ok := ownField(of, name); ok {
		return found, true
	}
	merge, ok := ownField(of, "<<")
	if !ok {
		return place{}, false
	}
	from := []*yaml3.Node{merge.node}
	if merge.node.Kind == yaml3.SequenceNode {
		from = merge.node.Content
	}
	for _, mapping := range from {
		if found, ok := ownField(resolved(mapping), name); ok {
			return found, true
		}
	}
	return place{}, false
}

// ownField finds the last of the keys of that name, which counts for kubectl too.
func ownField(of *yaml3.Node, name string) (found place, ok bool) {
	if of.Kind != yaml3.MappingNode {
		return place{}, false
	}
	for i := 0; i+1 < len(of.Content); i += 2 {
		if key := of.Content[i]; key.Value == name {
			found, ok = place{key: key, node: resolved(of.Content[i+1])}, true
		}
	}
	return found, ok
}

func resolved(n *yaml3.Node) *yaml3.Node {
	if n != nil && n.Kind == yaml3.AliasNode {
		return n.Alias
	}
	return n
}

// segments of "a.b[0].c[x.y/z]" are a, b, 0, c and x.y/z.
func segments(path string) []string {
	var out []string
	for path != "" {
		end := strings.IndexAny(path, ".[")
		switch {
		case end < 0:
			return append(out, path)
		case end > 0:
			out = append(out, path[:end])
		}
		rest := path[end+1:]
		if path[end] == '[' {
			key, after, _ := strings.Cut(rest, "]")
			out, rest = append(out, key), after
		}
		path = rest
	}
	return out
}

// itemOffset is how many characters come before an item of a text with several; 0
// where the text is not written as it is.
func (o *Object) itemOffset(n *yaml3.Node, value string) int {
	offset := 0
	if n.Style&(yaml3.DoubleQuotedStyle|yaml3.SingleQuotedStyle) != 0 {
		offset = 1
	}
	start := min(o.offset(n)+offset, len(o.source.content))
	if !strings.Contains(n.Value, ",") || !bytes.HasPrefix(o.source.content[start:], []byte(n.Value)) {
		return 0
	}
	for item := range strings.SplitSeq(n.Value, ",") {
		trimmed := strings.TrimSpace(item)
		if trimmed == strings.TrimSpace(value) {
			return offset + utf8.RuneCountInString(item[:strings.Index(item, trimmed)])
		}
		offset += utf8.RuneCountInString(item) + 1
	}
	return 0
}

// offset is where a node begins in the file.
func (o *Object) offset(n *yaml3.Node) int {
	p, content := o.at(n), o.source.content
	at := 0
	for range p.Line - 1 {
		at += bytes.IndexByte(content[at:], '\n') + 1
	}
	for range p.Column - 1 {
		_, size := utf8.DecodeRune(content[at:])
		at += size
	}
	return at
}
