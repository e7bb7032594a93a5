package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// document is a part of a file that holds one object.
type document struct {
	// start is where it begins in the file, and text what it is.
	start int
	text  []byte
	json  bool
}

// split cuts a file into its documents: JSON values that follow each other, else
// YAML between lines of "---".
func split(content []byte) []document {
	if documents, ok := splitJSON(content); ok {
		return documents
	}
	return splitYAML(content)
}

// splitJSON tells by ok whether all of content is JSON.
func splitJSON(content []byte) (documents []document, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return documents, len(documents) > 0
		}
		if err != nil {
			return nil, false
		}
		start := int(decoder.InputOffset()) - len(value)
		documents = append(documents, document{start: start, text: value, json: true})
	}
}

func splitYAML(content []byte) []document {
	var documents []document
	start := 0
	for at := 0; at < len(content); {
		end := len(content)
		if i := bytes.IndexByte(content[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		switch line := content[at:end]; {
		case marks(line, "---") && !directives(content[start:at]):
			documents = append(documents, document{start: start, text: content[start:at]})
			start = at
		case marks(line, "..."):
			documents = append(documents, document{start: start, text: content[start:at]})
			start = end
		}
		at = end
	}
	return append(documents, document{start: start, text: content[start:]})
}

// marks tells whether a line is the one of a marker: "---" begins a document, to which
// what follows on the line belongs, and "..." ends one.
func marks(line []byte, marker string) bool {
	rest, found := bytes.CutPrefix(line, []byte(marker))
	return found && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\r\n"))
}

// directives tells whether there is nothing but directives, as "%YAML 1.2", which
// belong to the document that follows, and comments.
func directives(text []byte) bool {
	found := false
	for line := range bytes.Lines(text) {
		switch trimmed := bytes.TrimSpace(line); {
		case line[0] == '%':
			found = true
		case len(trimmed) > 0 && trimmed[0] != '#':
			return false
		}
	}
	return found
}
