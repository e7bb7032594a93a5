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
		if separates(content[at:end]) {
			documents = append(documents, document{start: start, text: content[start:at]})
			start = at
		}
		at = end
	}
	return append(documents, document{start: start, text: content[start:]})
}

// separates tells whether a line begins a document. What follows the separator
// belongs to the document.
func separates(line []byte) bool {
	rest, found := bytes.CutPrefix(line, []byte("---"))
	return found && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\r\n"))
}
