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
		// What reaches the rules was written by an API server: one value per key.
		var any map[string]any
		if json.Unmarshal(raw, &any) != nil {
			return
		}
		raw, err := json.Marshal(any)
		if err != nil {
			t.Fatal(err)
		}
		var d, before DataImportCron
		findings, err := Decode(raw, &d)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		_, _ = Decode(raw, &before)
		findings = append(findings, rules.ValidateDataImportCron(&d)...)
		a := rules.Declared(&d)
		ops, _ := rules.CompleteDataImportCron(&d)
		if !reflect.DeepEqual(d, before) {
			t.Fatalf("%s: the view was changed", raw)
		}
		if findings.HasErrors() {
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
		if more, _ := rules.CompleteDataImportCron(&after); len(more) > 0 {
			t.Fatalf("%s: a second patch: %v", raw, more)
		}
		if found := rules.ValidateDataImportCron(&after); found.HasErrors() {
			t.Fatalf("%s: patched %s: %v", raw, patched, found.Errors())
		}
		if want, got := strip(t, raw), strip(t, patched); !reflect.DeepEqual(want, got) {
			t.Fatalf("other fields changed:\n%s\n%s", raw, patched)
		}
	})
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
