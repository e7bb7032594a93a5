package manifest

import "testing"

// FuzzRead throws any bytes at the reader: it does not panic, positions are in the
// file, and an edit changes what it says.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "a: b", "apiVersion: v1\nkind: A\nspec:\n- metadata: {name: x}\n", `{"apiVersion":"v1","kind":"A"}{"a":[1]}`,
		"apiVersion: v1\nkind: AList\nitems: [{apiVersion: v1, kind: A}]\n---\n\r\n--- \n", "a: &a\n  <<: *a\napiVersion: v1\nkind: A\n",
		"apiVersion: v1\nkind: A\nspec:\n- metadata:\n    annotations:\n      k: \"a,b\"\n", "\ufeffapiVersion: v1\nkind: \u2028A\n",
		"? a\n: b\napiVersion: v1\nkind: A\nspec: !!binary x\n", "apiVersion: v1\nkind: A\nspec:\n- metadata:\n    annotations: # c\n",
		"apiVersion: v1\rkind: A\nspec:\n- metadata: {0}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		objects, _ := Read("f", content)
		for _, o := range objects {
			for _, path := range []string{"", "metadata.name", "spec[0].metadata.annotations[k]", "a[", "spec.a.b"} {
				if p := o.Position(path, "b"); p.Line < 1 || p.Column < 1 {
					t.Errorf("%s is at %+v of %q", path, p, content)
				}
			}
			edit, err := o.SetAnnotation("spec[0]", "k", "v")
			if err != nil {
				continue
			}
			if _, err := Read("f", Apply(content, []Edit{edit})); err != nil {
				t.Errorf("%q cannot be read after the edit %+v: %v", content, edit, err)
			}
		}
	})
}
