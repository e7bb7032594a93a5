package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// thirdParty is the file that the image has beside dicer's own LICENSE.
const thirdParty = "THIRD_PARTY_LICENSES"

// architectures are those of make image. What is linked is nearly the same in all,
// and one file is for all.
var architectures = []string{"amd64", "arm64", "s390x"}

const heading = `The licences of what is linked into dicer's program, besides its own, which is in
LICENSE. Written by make generate; go.mod has the versions. ` + standard + ` is Go's own library.
`

// writeLicences writes the texts where all of them are allowed, and else says what to
// look at.
func writeLicences(ctx context.Context, o *options, out io.Writer) error {
	modules, err := linked(ctx, o, architectures...)
	if err != nil {
		return err
	}
	all, err := texts(modules)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.Root, thirdParty), []byte(render(all)), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "release: %s: %d modules\n", thirdParty, len(modules))
	return nil
}

// render has each text once, below all the files that hold it.
func render(all []text) string {
	var b strings.Builder
	b.WriteString(heading + "\n")
	names := byModule(all)
	for _, path := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "%s: %s\n", path, strings.Join(names[path], ", "))
	}
	files := map[string][]string{}
	var contents []string
	for _, t := range all {
		if files[t.Content] == nil {
			contents = append(contents, t.Content)
		}
		files[t.Content] = append(files[t.Content], t.Module+": "+t.File)
	}
	for _, content := range contents {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(files[content], "\n"), content)
	}
	return b.String()
}
