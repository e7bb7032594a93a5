package manifest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// head is of an object whose template is what follows.
const head = "apiVersion: v1\nkind: A\nspec:\n  templates:\n"

func TestSetAnnotationChangesThatAlone(t *testing.T) {
	const key = "ssp.kubevirt.io/dict.architectures"
	for name, tc := range map[string]struct{ before, after string }{
		"a text in double quotes": {
			"  - metadata:\n      annotations:\n        a: b # c\n        " + key + ": \"amd\\x36\\\"4\"   # why\n",
			"  - metadata:\n      annotations:\n        a: b # c\n        " + key + ": \"amd64,arm64\"   # why\n",
		},
		"in single quotes": {
			"  - metadata: {annotations: {" + key + ": 'a''b', a: b}}\n",
			"  - metadata: {annotations: {" + key + ": \"amd64,arm64\", a: b}}\n",
		},
		"in none": {
			"  - metadata:\n      annotations:\n        " + key + ": amd64, arn64 # why\n",
			"  - metadata:\n      annotations:\n        " + key + ": \"amd64,arm64\" # why\n",
		},
		"an empty one": {
			"  - metadata:\n      annotations:\n        " + key + ": \"\"\n",
			"  - metadata:\n      annotations:\n        " + key + ": \"amd64,arm64\"\n",
		},
		"beside others": {
			"  - metadata:\n      annotations: # these\n        # of a\n        a: b\n      name: x\n",
			"  - metadata:\n      annotations: # these\n        " + key + ": \"amd64,arm64\"\n        # of a\n        a: b\n      name: x\n",
		},
		"without annotations": {
			"  -   metadata:\n          # its name\n          name: x\n",
			"  -   metadata:\n          annotations:\n            " + key + ": \"amd64,arm64\"\n          # its name\n          name: x\n",
		},
		"with empty ones": {
			"  - metadata:\n      annotations:\n      name: x\n",
			"  - metadata:\n      annotations:\n        " + key + ": \"amd64,arm64\"\n      name: x\n",
		},
		"with empty ones in braces": {
			"  - metadata:\n      annotations: {}\n      name: x\n",
			"  - metadata:\n      annotations: {\"" + key + "\": \"amd64,arm64\"}\n      name: x\n",
		},
		"in braces": {
			"  - metadata: {name: x}\n",
			"  - metadata: {\"annotations\": {\"" + key + "\": \"amd64,arm64\"}, name: x}\n",
		},
		"at the end of the file": {
			"  - metadata:\n      name: x\n      annotations:",
			"  - metadata:\n      name: x\n      annotations:\n        " + key + ": \"amd64,arm64\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, end := range []string{"", "\r"} {
				before, after := "# ä\n"+head+tc.before, "# ä\n"+head+tc.after
				before, after = strings.ReplaceAll(before, "\n", end+"\n"), strings.ReplaceAll(after, "\n", end+"\n")
				edit, err := read(t, before)[0].SetAnnotation("spec.templates[0]", key, "amd64,arm64")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(after, string(Apply([]byte(before), []Edit{edit}))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestSetAnnotationInJSON(t *testing.T) {
	for name, tc := range map[string]struct{ before, after string }{
		"on one line": {
			`{"apiVersion":"v1","kind":"A","metadata":{"name":"x"}}`,
			`{"apiVersion":"v1","kind":"A","metadata":{"annotations": {"k": "v"}, "name":"x"}}`,
		},
		"on many": {
			"{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"A\",\n\t\"metadata\": {\n\t\t\"annotations\": {\n\t\t\t\"a\": \"b\"\n\t\t}\n\t}\n}\n",
			"{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"A\",\n\t\"metadata\": {\n\t\t\"annotations\": {\n\t\t\t\"k\": \"v\",\n\t\t\t\"a\": \"b\"\n\t\t}\n\t}\n}\n",
		},
		"that is there": {
			`{"apiVersion":"v1","kind":"A","metadata":{"annotations":{"k":"x\"y","a":"b"}}}`,
			`{"apiVersion":"v1","kind":"A","metadata":{"annotations":{"k":"v","a":"b"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			edit, err := read(t, tc.before)[0].SetAnnotation("", "k", "v")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.after, string(Apply([]byte(tc.before), []Edit{edit}))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatCannotBeEditedIsLeft has values that others share, or that have no one
// place: each error tells where.
func TestWhatCannotBeEditedIsLeft(t *testing.T) {
	for name, template := range map[string]string{
		"an anchor that is used elsewhere": "  - metadata: &m\n      annotations: {k: x}\n  - metadata: *m\n",
		"a text of several lines":          "  - metadata:\n      annotations:\n        k: |-\n          x\n",
		"a tagged text":                    "  - metadata:\n      annotations:\n        k: !!str x\n",
		"an alias":                         "  - metadata:\n      annotations:\n        j: &k x\n        k: *k\n",
		"null":                             "  - metadata:\n      annotations: null\n",
		"no metadata":                      "  - spec: {}\n",
		"no object":                        "  - text\n",
		"annotations that are none":        "  - metadata:\n      annotations: [k]\n",
	} {
		t.Run(name, func(t *testing.T) {
			edit, err := read(t, head+template)[0].SetAnnotation("spec.templates[0]", "k", "v")
			if !errors.Is(err, errUneditable) || !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Errorf("%v, %+v", err, edit)
			}
		})
	}
}
