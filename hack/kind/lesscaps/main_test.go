package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheFileIsFoundInRuncsArguments(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"create", []string{"--root", "/r", "create", "--bundle", "/b", "--pid-file", "/p", "id"}, "/b/config.json"},
		{"with an equals sign", []string{"run", "--bundle=/b", "id"}, "/b/config.json"},
		{"exec", []string{"--root", "/r", "exec", "--process", "/tmp/process", "id"}, "/tmp/process"},
		{"another command", []string{"state", "id"}, ""},
	} {
		if got := specification(test.args); got != test.want {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}

func TestOneCapabilityGoesAndTheRestStays(t *testing.T) {
	for _, test := range []struct{ name, before, after string }{
		{
			"a bundle", `{"ociVersion":"1.0.2","process":{"args":["sh"],"capabilities":{"bounding":["CAP_KILL","CAP_SYS_RESOURCE"],"effective":["CAP_SYS_RESOURCE"]}}}`,
			`{"ociVersion":"1.0.2","process":{"args":["sh"],"capabilities":{"bounding":["CAP_KILL"],"effective":[]}}}`,
		},
		{
			"a process", `{"args":["sh"],"capabilities":{"bounding":["CAP_SYS_RESOURCE","CAP_KILL"]}}`,
			`{"args":["sh"],"capabilities":{"bounding":["CAP_KILL"]}}`,
		},
		{"one without capabilities", `{"args":["sh"]}`, `{"args":["sh"]}`},
		{"a large number", `{"linux":{"limit":18446744073709551615}}`, `{"linux":{"limit":18446744073709551615}}`},
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := removeCapability(path); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != test.after {
			t.Errorf("%s: %s; want %s", test.name, after, test.after)
		}
	}
}
