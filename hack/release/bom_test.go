package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
)

// bill is what cyclonedx-gomod makes of a program with two modules.
func bill(t *testing.T) *cyclonedx.BOM {
	t.Helper()
	const content = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2020-01-01T00:00:00Z",
		"tools": [{"name": "cyclonedx-gomod", "hashes": [{"alg": "MD5", "content": "of-this-machine"}]}],
		"component": {"type": "application", "name": "dicer"}},
		"components": [{"type": "library", "name": "a"}, {"type": "library", "name": "b"}]}`
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(strings.NewReader(content), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

func TestABillHasLicencesAndNothingOfTheMachine(t *testing.T) {
	bom := bill(t)
	if err := complete(bom, "2026-01-31T12:34:56Z", map[string][]string{"a": {"MIT"}, "b": {"Apache-2.0", "MIT"}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).Encode(bom); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"2026-01-31T12:34:56Z"`, `{"id":"MIT"}`, `{"expression":"Apache-2.0 AND MIT"}`, `{"id":"Apache-2.0"}`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s; want one with %s", out.String(), want)
		}
	}
	if strings.Contains(out.String(), "of-this-machine") {
		t.Errorf("%s", out.String())
	}
}

func TestABillThatGoListContradictsIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		licences map[string][]string
		want     string
	}{
		"one more in the program": {map[string][]string{"a": {"MIT"}}, "b: linked, but unknown to go list"},
		"one without a licence":   {map[string][]string{"a": {"MIT"}, "b": nil}, "b: linked, but unknown to go list"},
		"one more in go list":     {map[string][]string{"a": {"MIT"}, "b": {"MIT"}, "c": {"MIT"}}, "c: known to go list, but not linked"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := complete(bill(t), "", tc.licences); err == nil || err.Error() != tc.want {
				t.Errorf("error %v; want %q", err, tc.want)
			}
		})
	}
}

func TestItSaysWhatItWants(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no command":         {nil, "no command: want licenses or assemble"},
		"another command":    {[]string{"publish"}, `command "publish": want licenses or assemble`},
		"no folder":          {[]string{"assemble", "-dir", "nowhere"}, `invalid value "nowhere" for -dir`},
		"no date":            {[]string{"assemble", "-date", "unknown"}, `invalid value "unknown" for -date`},
		"no version":         {[]string{"assemble"}, "-version is missing"},
		"a folder, no image": {[]string{"assemble", "-root", "../..", "-dir", t.TempDir(), "-date", "2026-01-31T12:34:56Z", "-version", "v1", "-helm", "true", "-cyclonedx", "true"}, "no dicer-image-ARCH.tar"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(t.Context(), tc.args, &out); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v; want %q", err, tc.want)
			}
		})
	}
}
