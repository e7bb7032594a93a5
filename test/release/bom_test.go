//go:build image

package release

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/test/image"
)

// bom is what matters of a bill of materials in CycloneDX.
type bom struct {
	BOMFormat  string `json:"bomFormat"`
	Metadata   metadata
	Components []component
}

type metadata struct {
	Timestamp  string
	Component  component
	Properties []property
}

type component struct {
	Name, Version, PURL string
	Licenses            []struct {
		License    struct{ ID string }
		Expression string
	}
}

type property struct{ Name, Value string }

// licences are the names as THIRD_PARTY_LICENSES lists them.
func (c *component) licences() string {
	if len(c.Licenses) != 1 {
		return ""
	}
	return c.Licenses[0].License.ID + strings.ReplaceAll(c.Licenses[0].Expression, " AND ", ", ")
}

func TestTheBillsSayWhatIsLinkedAndTheImageHasItsLicences(t *testing.T) {
	dir := folder(t)
	for _, arch := range []string{"amd64", "arm64", "s390x"} {
		t.Run(arch, func(t *testing.T) {
			a, err := image.Read(filepath.Join(dir, "dicer-image-"+arch+".tar"))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range a.Files {
				files[f.Name] = f.Content
			}
			var bill bom
			if err := json.Unmarshal(read(t, filepath.Join(dir, "dicer-image-"+arch+".cdx.json")), &bill); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, c := range bill.Components {
				got[c.Name] = c.Version
				if line := "\n" + c.Name + ": " + c.licences() + "\n"; !strings.Contains(string(files["licenses/THIRD_PARTY_LICENSES"]), line) {
					t.Errorf("the image's THIRD_PARTY_LICENSES has no line %q", line)
				}
			}
			if diff := cmp.Diff(linked(t, files["webhook"]), got); diff != "" {
				t.Errorf("modules and versions (-linked +bill):\n%s", diff)
			}
			describes(t, &bill, arch, files["webhook"])
		})
	}
}

// linked are the modules and versions that the program tells of, and Go's.
func linked(t *testing.T, program []byte) map[string]string {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{"std": info.GoVersion}
	for _, m := range info.Deps {
		modules[m.Path] = m.Version
	}
	return modules
}

// describes tells whether the bill is this program's.
func describes(t *testing.T, bill *bom, arch string, program []byte) {
	t.Helper()
	properties := map[string]string{}
	for _, p := range bill.Metadata.Properties {
		properties[p.Name] = p.Value
	}
	for name, tc := range map[string]struct{ got, want string }{
		"format":        {bill.BOMFormat, "CycloneDX"},
		"time":          {bill.Metadata.Timestamp, date},
		"name":          {bill.Metadata.Component.Name, "github.com/dicer-dev/dicer"},
		"version":       {bill.Metadata.Component.Version, version},
		"licence":       {bill.Metadata.Component.licences(), "Apache-2.0"},
		"architecture":  {properties["cdx:gomod:build:env:GOARCH"], arch},
		"binary's hash": {properties["cdx:gomod:binary:hash:SHA-256"], sum(program)},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q; want %q", name, tc.got, tc.want)
		}
	}
}
