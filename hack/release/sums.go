package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// sumsFile is what sha256sum -c reads.
const sumsFile = "SHA256SUMS"

// writeSums writes the checksums of all other files in the folder.
func writeSums(dir string, out io.Writer) error {
	// Sorted by name.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, entry := range entries {
		if entry.Name() == sumsFile {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	path := filepath.Join(dir, sumsFile)
	fmt.Fprintf(out, "release: %s: %d files\n", path, strings.Count(lines.String(), "\n"))
	return os.WriteFile(path, []byte(lines.String()), 0o644)
}
