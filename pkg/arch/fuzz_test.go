package arch

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{"", "amd64", "amd64,arm64", " s390x ,amd64", "arn64", "amd64,,arm64", ",", "  ", "amd64,amd64", "linux/arm64/v8", "AMD64", "\u00a0amd64", "\xff", strings.Repeat(",", 300)} {
		f.Add(seed)
	}
	accepted := DefaultArchitectures()
	f.Fuzz(func(t *testing.T, value string) {
		list, findings := ParseList(value, accepted, field.NewPath("list"))
		joined := make([]string, len(list))
		for i, a := range list {
			joined[i] = string(a)
			if !accepted.Has(a) || slices.Contains(list[:i], a) {
				t.Fatalf("%q: list %v", value, list)
			}
		}
		again, more := ParseList(strings.Join(joined, ","), accepted, nil)
		if len(more) > 0 || !slices.Equal(again, list) {
			t.Fatalf("%q: %v is not read again: %v %v", value, list, again, more)
		}
		if trimmed := strings.Join(splitList(value), ","); len(findings) == 0 && value != "" && trimmed != strings.Join(joined, ",") {
			t.Fatalf("%q: without a finding read as %v", value, list)
		}
		if value != "" && len(list) == 0 && len(findings) == 0 {
			t.Fatalf("%q: neither an architecture nor a finding", value)
		}
		for _, finding := range findings {
			if finding.Rule == "" || finding.Text == "" || finding.Severity != Error {
				t.Fatalf("%q: finding %+v", value, finding)
			}
			if utf8.ValidString(value) && !utf8.ValidString(finding.Message()) {
				t.Fatalf("%q: message %q", value, finding.Message())
			}
		}
	})
}

// FuzzDecode holds the fast decoder against the API server's: what it accepts, both
// read alike.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"metadata":{"name":"a","name":null,"n\u0061me":"b","Name":"c"},"spec":{"managedDataSource":"x"},"spec":{"schedule":"y"}}`,
		`{"metadata":{"labels":{"a":"b","a":null},"labels":null,"labels":{"c":"d"}}}`,
		"{\"metadata\":{\"name\":\"\xff\xc0\xaf\\ud800\\udc00\\udc00\",\"annotations\":{\"\xff\":\"\xfe\",\"\xfd\":\"\"}}}",
		`{"spec":{"template":{"spec":{"source":{"registry":{"url":"x","platform":{"architecture":"a"}},"registry":{"platform":null}}}}}}`,
		`{"spec":{"n":1e9999,"m":-0.0E-1234567890123456789,"o":123456789012345678901234567890}}`,
		`{"spec":` + strings.Repeat("[", 11_000) + strings.Repeat("]", 11_000) + `}`,
		strings.Repeat(`{"spec":`, 11_000) + `{}` + strings.Repeat("}", 11_000),
		`{"metadata":{"deletionTimestamp":null,"deletionTimestamp":"x","labels":{"a":5}}}`,
		`[{"metadata":{"name":"x"}},null,{}]`, `{"spec":[]}`, `null`, ` 5 `, `{}x`, `{"a":01}`, "{\"a\":\"\x01\"}", "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		decodedAlike[DataImportCron](t, raw)
		decodedAlike[[]DataImportCron](t, raw)
		decodedAlike[struct {
			Templates []DataImportCron `json:"spec"`
			Object    *DataImportCron  `json:"metadata"`
		}](t, raw)
	})
}

func decodedAlike[T any](t *testing.T, raw []byte) {
	var got, want T
	gotFindings, gotErr := Decode(raw, &got)
	wantFindings, wantErr := decodeStandard(raw, &want)
	if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(gotFindings, wantFindings) {
		t.Fatalf("%q: %v, %v; want %v, %v", raw, gotFindings, gotErr, wantFindings, wantErr)
	}
	if gotErr == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: %+v; want %+v", raw, got, want)
	}
}

// FuzzComplete holds the patch to its promises on any JSON that decodes.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{
		`{"metadata":{"name":"x-arm64","annotations":{"ssp.kubevirt.io/dict.architectures":"arm64","a/b~c":"d"}},"spec":{"managedDataSource":"x","invented":{"n":12345678901234567890},"template":{"spec":{"source":{"registry":{"url":"docker://x"}}}}}}`,
		`{"metadata":{"labels":{"template.kubevirt.io/architecture":"amd64"}},"spec":{"managedDataSource":"x-amd64","template":{"spec":{"source":{"registry":{"platform":{"os":"linux"}}}}}}}`,
		`{"metadata":{"labels":{"template.kubevirt.io/architecture":"s390x","cdi.kubevirt.io/storage.import.datasource-name":"x"}},"spec":{"managedDataSource":"x","template":{"spec":{"source":{"http":{}}}}}}`,
		`{"metadata":{"labels":{"template.kubevirt.io/architecture":"amd64"},"annotations":null},"spec":{"managedDataSource":"x","template":null}}`,
		`{"metadata":{"labels":null,"annotations":{"ssp.kubevirt.io/dict.architectures":" amd64 "}},"spec":{"managedDataSource":"x","template":{"spec":{"source":{"registry":{"platform":null}}}}}}`,
		`{"spec":{"managedDataSource":5}}`, `[]`, `null`, `{"metadata":{"labels":5}}`,
	} {
		f.Add([]byte(seed))
	}
	rules := Rules{}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = canonical(raw)
		if raw == nil {
			return
		}
		var d, before DataImportCron
		findings, err := Decode(raw, &d)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		_, _ = Decode(raw, &before)
		decl := rules.Declaration(&d)
		a := decl.Arch
		ops, _ := decl.Completion()
		if !reflect.DeepEqual(d, before) {
			t.Fatalf("%s: the view was changed", raw)
		}
		if len(findings) > 0 || decl.Findings.HasErrors() {
			return
		}
		if a == "" {
			if len(ops) > 0 {
				t.Fatalf("%s: nothing declared, patched %v", raw, ops)
			}
			return
		}
		var after DataImportCron
		patched := apply(t, raw, ops)
		if findings, err := Decode(patched, &after); err != nil || len(findings) > 0 {
			t.Fatalf("%s: patched %s: %v %v", raw, patched, findings, err)
		}
		if !after.CompleteFor(a) {
			t.Fatalf("%s: patched %s: not complete for %s", raw, patched, a)
		}
		if more, _ := rules.Declaration(&after).Completion(); len(more) > 0 {
			t.Fatalf("%s: a second patch: %v", raw, more)
		}
		if found := rules.Declaration(&after).Findings; found.HasErrors() {
			t.Fatalf("%s: patched %s: %v", raw, patched, found.Errors())
		}
		if want, got := strip(t, raw), strip(t, patched); !reflect.DeepEqual(want, got) {
			t.Fatalf("other fields changed:\n%s\n%s", raw, patched)
		}
	})
}

// FuzzCompleteAgain holds the patch on UPDATE to its promise: where there is
// one, the object is again what the old one was.
func FuzzCompleteAgain(f *testing.F) {
	const complete = `{"metadata":{"labels":{"template.kubevirt.io/architecture":"arm64","cdi.kubevirt.io/storage.import.datasource-name":"x"}},"spec":{"managedDataSource":"x-arm64","template":{"spec":{"source":{"registry":{"platform":{"architecture":"arm64"}}}}}}}`
	for _, seed := range []string{
		complete,
		`{"metadata":{"annotations":{"ssp.kubevirt.io/dict.architectures":"arm64"}},"spec":{"managedDataSource":"x","template":{"spec":{"source":{"registry":{}}}}}}`,
		`{"metadata":{"labels":{"template.kubevirt.io/architecture":"arm64","cdi.kubevirt.io/storage.import.datasource-name":"x-arm64"}},"spec":{"managedDataSource":"x-arm64","template":{"spec":{"source":{"registry":{}}}}}}`,
		`{"metadata":{"labels":{"template.kubevirt.io/architecture":"amd64"}},"spec":{"managedDataSource":"x"}}`,
	} {
		f.Add([]byte(complete), []byte(seed))
		f.Add([]byte(seed), []byte(complete))
	}
	f.Fuzz(func(t *testing.T, oldRaw, raw []byte) {
		oldRaw, raw = canonical(oldRaw), canonical(raw)
		if oldRaw == nil || raw == nil {
			return
		}
		var old, d, after DataImportCron
		if found, err := Decode(oldRaw, &old); err != nil || len(found) > 0 {
			return
		}
		if found, err := Decode(raw, &d); err != nil || len(found) > 0 {
			return
		}
		decl := Rules{}.Declaration(&d)
		ops, _ := decl.CompletionOver(&old)
		if len(ops) == 0 {
			return
		}
		if found, err := Decode(apply(t, raw, ops), &after); err != nil || len(found) > 0 {
			t.Fatalf("%s over %s: %v %v", raw, oldRaw, found, err)
		}
		for _, pair := range [][2]string{
			{old.Spec.ManagedDataSource, after.Spec.ManagedDataSource},
			{old.Metadata.Labels[ArchitectureLabel], after.Metadata.Labels[ArchitectureLabel]},
			{old.Metadata.Labels[BaseLabel], after.Metadata.Labels[BaseLabel]},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("%s over %s: %q became %q", raw, oldRaw, pair[0], pair[1])
			}
		}
	})
}

// canonical writes an object as an API server does, with one value per key;
// nil for what is no object.
func canonical(raw []byte) []byte {
	var object map[string]any
	if !json.Valid(raw) || decodeExactly(raw, &object) != nil {
		return nil
	}
	out, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	return out
}

// strip removes from an object what the changes 2 to 6 may touch, and the maps
// that are empty without it.
func strip(t *testing.T, raw []byte) any {
	t.Helper()
	root, _ := object(t, raw).(map[string]any)
	remove(root, "metadata", "labels", ArchitectureLabel)
	remove(root, "metadata", "labels", BaseLabel)
	remove(root, "metadata", "annotations", ListAnnotation)
	remove(root, "spec", "managedDataSource")
	remove(root, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	return root
}

func remove(m map[string]any, path ...string) {
	if len(path) == 1 {
		delete(m, path[0])
		return
	}
	next, _ := m[path[0]].(map[string]any)
	if next != nil {
		remove(next, path[1:]...)
	}
	if len(next) == 0 && m != nil {
		delete(m, path[0])
	}
}
