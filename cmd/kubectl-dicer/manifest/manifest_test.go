package manifest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, content string) []*Object {
	t.Helper()
	objects, err := Read("f.yaml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// marked returns the content without its mark, and where the mark was.
func marked(t *testing.T, content string) (string, Position) {
	t.Helper()
	before, after, found := strings.Cut(content, "👉")
	if !found {
		t.Fatalf("no mark in %q", content)
	}
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return before + after, Position{strings.Count(before, "\n") + 1, len([]rune(line)) + 1}
}

func TestPositionLeadsToTheField(t *testing.T) {
	const list = "metadata.annotations[ssp.kubevirt.io/dict.architectures]"
	for name, tc := range map[string]struct{ content, path, value string }{
		"a text":                      {content: "apiVersion: v1\nkind: A\nspec:\n  name: 👉x\n", path: "spec.name"},
		"an item of a sequence":       {content: "apiVersion: v1\nkind: A\nspec:\n- a\n- b: 👉c\n", path: "spec[1].b"},
		"a mapping, by its key":       {content: "apiVersion: v1\nkind: A\n👉spec:\n  a: b\n", path: "spec"},
		"what would hold it":          {content: "apiVersion: v1\nkind: A\nspec:\n  👉a:\n    b: c\n", path: "spec.a.x.y"},
		"the object":                  {content: "# c\n👉apiVersion: v1\nkind: A\n", path: "x"},
		"a key in brackets":           {content: "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    ssp.kubevirt.io/dict.architectures: 👉amd64\n", path: list},
		"an item of a text":           {content: "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    ssp.kubevirt.io/dict.architectures: \"amd64, 👉arn64\"\n", path: list, value: "arn64"},
		"the whole item":              {content: "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    ssp.kubevirt.io/dict.architectures: xarm64,👉arm64\n", path: list, value: "arm64"},
		"an empty item":               {content: "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    ssp.kubevirt.io/dict.architectures: 'amd64,👉,arm64'\n", path: list},
		"an escaped text as a whole":  {content: "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    ssp.kubevirt.io/dict.architectures: 👉\"amd64\\x2carn64\"\n", path: list, value: "arn64"},
		"a block text as a whole":     {content: "apiVersion: v1\nkind: A\nmetadata:\n  annotations:\n    ssp.kubevirt.io/dict.architectures: 👉|-\n      amd64,arn64\n", path: list, value: "arn64"},
		"columns of characters":       {content: "apiVersion: v1\nkind: A\nspec: {é: ö, a: 👉b}\n", path: "spec.a"},
		"the last of doubled keys":    {content: "{\"apiVersion\":\"v1\",\"kind\":\"A\",\"a\":\"1\",\"a\":👉\"2\"}", path: "a"},
		"an alias":                    {content: "apiVersion: v1\nkind: A\nx: &x {a: 👉b}\nspec: *x\n", path: "spec.a"},
		"a merged mapping":            {content: "apiVersion: v1\nkind: A\nx: &x {a: 👉b}\nspec: {<<: *x, c: d}\n", path: "spec.a"},
		"the first that is merged in": {content: "apiVersion: v1\nkind: A\nx: &x {a: 👉b}\ny: &y {a: c}\nspec: {<<: [*x, *y]}\n", path: "spec.a"},
		"JSON":                        {content: "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"A\",\n\t\"spec\": {\"a\": 👉\"b\"}\n}\n", path: "spec.a"},
		"a JSON value that follows":   {content: "{\"apiVersion\":\"v1\",\"kind\":\"ä\"} {\"apiVersion\": \"v1\", \"kind\": \"B\", \"a\": 👉1}", path: "a"},
		"a second document":           {content: "a: b\n---\n# c\napiVersion: v1\nkind: A\nspec:\n  name: 👉x\n", path: "spec.name"},
		"with the separator's line":   {content: "x\n--- # Source: x\napiVersion: v1\nkind: A\nspec: 👉x\n", path: "spec"},
		"lines that end as Windows'":  {content: "apiVersion: v1\r\nkind: A\r\n---\r\napiVersion: v1\r\nkind: A\r\nspec:\r\n  name: 👉x\r\n", path: "spec.name"},
		"an object in a List":         {content: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  spec: 👉x\n", path: "spec"},
	} {
		t.Run(name, func(t *testing.T) {
			content, want := marked(t, tc.content)
			objects := read(t, content)
			if len(objects) == 0 {
				t.Fatal("no object")
			}
			if got := objects[len(objects)-1].Position(tc.path, tc.value); got != want {
				t.Errorf("%v; want %v", got, want)
			}
		})
	}
}

func TestReadReturnsObjects(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    []string
	}{
		"of many documents":      {"apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n---\n# nothing\n---\napiVersion: g/v2\nkind: B\nmetadata: {generateName: b-}\n", []string{"/v1, Kind=A a", "g/v2, Kind=B b-*"}},
		"of JSON":                {`{"apiVersion":"v1","kind":"A"}` + "\n" + `{"apiVersion":"v1","kind":"B"}`, []string{"/v1, Kind=A ", "/v1, Kind=B "}},
		"of YAML in braces":      {"{apiVersion: v1, kind: A}", []string{"/v1, Kind=A "}},
		"of lists in lists":      {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n- {apiVersion: v1, kind: BList, items: [{apiVersion: v1, kind: B}]}\n", []string{"/v1, Kind=A ", "/v1, Kind=B "}},
		"and passes others over": {"a: b\n---\n- c\n---\njust text\n---\nnull\n", nil},
		"whatever else is in it": {"apiVersion: v1\nkind: A\nitems: {}\nmetadata: 5\n", []string{"/v1, Kind=A "}},
		"with escapes of JSON":   {`{"apiVersion":"v1","kind":"A","metadata":{"name":"\ud83d\ude00"}}`, []string{"/v1, Kind=A 😀"}},
		"a separator in a text":  {"apiVersion: v1\nkind: A\nmetadata:\n  name: |-\n    ---\n", []string{"/v1, Kind=A ---"}},
		"after a document's end": {"apiVersion: v1\nkind: A\n...\napiVersion: v1\nkind: B\n", []string{"/v1, Kind=A ", "/v1, Kind=B "}},
		"after a directive":      {"%YAML 1.1\n# so\n---\napiVersion: v1\nkind: A\n...\n%YAML 1.1\n---\napiVersion: v1\nkind: B\n", []string{"/v1, Kind=A ", "/v1, Kind=B "}},
		"of nothing":             {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, o := range read(t, tc.content) {
				got = append(got, fmt.Sprintf("%s %s", o.Kind, o.Name))
				o.Position("metadata.name", "x") // wherever that is
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestADocumentThatCannotBeReadIsTold(t *testing.T) {
	objects, err := Read("f.yaml", []byte("apiVersion: v1\nkind: A\n---\na: b\nc: [d\ne: f\n---\napiVersion: v1\nkind: B\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "f.yaml: ") || !strings.Contains(err.Error(), "line 5") {
		t.Errorf("%v; want f.yaml and a line of the file", err)
	}
	if len(objects) != 2 {
		t.Errorf("%d objects beside it; want 2", len(objects))
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.json", "c.txt", "d/e.yml", "d/f/g.yaml", "odd/a.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "d", "odd/folder.yaml": "../d"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("mkfifo", filepath.Join(dir, "odd/pipe.yaml")).Run(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		paths     []string
		recursive bool
		want      []string
		err       string
	}{
		"a file by any name":  {paths: []string{"c.txt"}, want: []string{"c.txt"}},
		"a folder":            {paths: []string{"."}, want: []string{"a.yaml", "b.json"}},
		"and those below":     {paths: []string{"."}, recursive: true, want: []string{"a.yaml", "b.json", "d/e.yml", "d/f/g.yaml", "odd/a.yaml"}},
		"several":             {paths: []string{"d", "a.yaml"}, want: []string{"d/e.yml", "a.yaml"}},
		"the standard input":  {paths: []string{Stdin}, want: []string{"in"}},
		"a link to a folder":  {paths: []string{"link"}, want: []string{"d/e.yml"}},
		"no pipe in a folder": {paths: []string{"odd"}, want: []string{"odd/a.yaml"}},
		"nothing there":       {paths: []string{"x.yaml"}, err: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			files, err := Load(tc.paths, tc.recursive, strings.NewReader("in"))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%v; want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				got = append(got, string(f.Content))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Chdir(t.TempDir())
	if _, err := Load([]string{"."}, false, nil); err == nil || !strings.Contains(err.Error(), "-R") {
		t.Errorf("an empty folder: %v", err)
	}
}
