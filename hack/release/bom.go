package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeBOM writes the bill of materials of the program in an image's archive beside
// it, as CycloneDX JSON. What is linked is read from the program itself; who
// distrusts that finds the same by go list, which names the licences here.
func writeBOM(ctx context.Context, o *options, archive string, out io.Writer) error {
	arch := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(archive), ".tar"), "dicer-image-")
	bom, err := newBOM(ctx, o, archive)
	if err != nil {
		return err
	}
	modules, err := linked(ctx, o, arch)
	if err != nil {
		return err
	}
	all, err := texts(modules)
	if err != nil {
		return err
	}
	if err := complete(bom, o.Date, byModule(all)); err != nil {
		return err
	}
	path := strings.TrimSuffix(archive, ".tar") + ".cdx.json"
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = cyclonedx.NewBOMEncoder(file, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "release: %s: %d modules\n", path, len(*bom.Components))
	return nil
}

// newBOM has cyclonedx-gomod read the program. Its own detection of licences is not
// used: it takes ISC for 0BSD, and of two licences in a file sees one.
func newBOM(ctx context.Context, o *options, archive string) (*cyclonedx.BOM, error) {
	folder, err := os.MkdirTemp("", "dicer-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	content, err := programOf(archive)
	if err != nil {
		return nil, err
	}
	// The name is in the bill.
	binary, bill := filepath.Join(folder, "dicer"), filepath.Join(folder, "bill.json")
	if err := os.WriteFile(binary, content, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.CycloneDX, "bin", "-json", "-std", "-noserial", "-notimestamp",
		"-version", o.Version, "-output", bill, binary)
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cyclonedx-gomod: %w\n%s", err, output)
	}
	file, err := os.Open(bill)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bom := new(cyclonedx.BOM)
	return bom, cyclonedx.NewBOMDecoder(file, cyclonedx.BOMFileFormatJSON).Decode(bom)
}

// complete adds the licences, and the time, and leaves out the digests of
// cyclonedx-gomod's binary, so that the bill is the same wherever it is made. It is
// an error where the bill has other modules than the licences.
func complete(bom *cyclonedx.BOM, date string, licences map[string][]string) error {
	if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Components == nil {
		return errors.New("the bill of materials has no program or no modules")
	}
	bom.Metadata.Timestamp = date
	bom.Metadata.Component.Licenses = licencesOf("Apache-2.0")
	if tools := bom.Metadata.Tools; tools != nil && tools.Tools != nil {
		for i := range *tools.Tools {
			(*tools.Tools)[i].Hashes = nil
		}
	}
	found := map[string]bool{}
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		names := licences[c.Name]
		if len(names) == 0 {
			return fmt.Errorf("%s: linked, but unknown to go list", c.Name)
		}
		c.Licenses = licencesOf(names...)
		found[c.Name] = true
	}
	for path := range licences {
		if !found[path] {
			return fmt.Errorf("%s: known to go list, but not linked", path)
		}
	}
	return nil
}

// licencesOf says that all of them hold.
func licencesOf(names ...string) *cyclonedx.Licenses {
	if len(names) == 1 {
		return &cyclonedx.Licenses{{License: &cyclonedx.License{ID: names[0]}}}
	}
	return &cyclonedx.Licenses{{Expression: strings.Join(names, " AND ")}}
}
