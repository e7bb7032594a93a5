package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"sigs.k8s.io/yaml"
)

// view decodes a DataImportCron or template written as YAML.
func view(t testing.TB, manifest string) *DataImportCron {
	t.Helper()
	d, _ := decodeYAML(t, manifest)
	return d
}

func decodeYAML(t testing.TB, manifest string) (*DataImportCron, []byte) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	var d DataImportCron
	if findings, err := Decode(raw, &d); err != nil || len(findings) > 0 {
		t.Fatalf("decode: %v %v", findings, err)
	}
	return &d, raw
}

// views decodes several templates.
func views(t testing.TB, manifests ...string) []DataImportCron {
	t.Helper()
	var out []DataImportCron
	for _, m := range manifests {
		out = append(out, *view(t, m))
	}
	return out
}

// apply applies a patch as an API server does.
func apply(t testing.TB, raw []byte, ops []Operation) []byte {
	t.Helper()
	encoded, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if len(ops) == 0 {
		return raw
	}
	out, err := patch.Apply(raw)
	if err != nil {
		t.Fatalf("apply %s: %v", encoded, err)
	}
	return out
}

func object(t testing.TB, raw []byte) any {
	t.Helper()
	var out any
	if err := decodeExactly(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// decodeExactly keeps every digit of a number.
func decodeExactly(raw []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder.Decode(out)
}

// summary gives each finding as "severity rule field value".
func summary(findings Findings) []string {
	var out []string
	for _, f := range findings {
		out = append(out, fmt.Sprintf("%s %s %s %q", f.Severity, f.Rule, f.Path, f.Value))
	}
	return out
}
