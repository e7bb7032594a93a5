package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Stdin is the name that stands for the standard input.
const Stdin = "-"

// extensions are those of the files in a folder that are read: kubectl's.
var extensions = []string{".yaml", ".yml", ".json"}

// File is a file that was read.
type File struct {
	// Name is its path as it was given, or found below a folder; "stdin" for the
	// standard input.
	Name    string
	Content []byte
	// InFolder tells that a folder was named, and not the file.
	InFolder bool
}

// Load reads files, the standard input ("-"), and the YAML and JSON files in folders;
// with recursive, in the folders below them too. What cannot be read is in the error;
// the others are returned beside it.
func Load(paths []string, recursive bool, stdin io.Reader) ([]File, error) {
	var files []File
	var errs []error
	for _, path := range paths {
		if path == Stdin {
			content, err := io.ReadAll(stdin)
			if err != nil {
				errs = append(errs, fmt.Errorf("reading the standard input: %w", err))
				continue
			}
			files = append(files, File{Name: "stdin", Content: content})
			continue
		}
		names, err := expandFolder(path, recursive)
		errs = append(errs, err)
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			files = append(files, File{Name: name, Content: content, InFolder: name != path})
		}
	}
	return files, errors.Join(errs...)
}

// expandFolder returns the files in a folder, or the path of a file as it is. A folder
// below that cannot be read is in the error.
func expandFolder(path string, recursive bool) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	var errs []error
	// A link to a folder, which WalkDir would not follow, is one with the separator.
	root := path + string(filepath.Separator)
	// It fails with what the function returns.
	_ = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			errs = append(errs, err)
		case entry.IsDir() && name != root && !recursive:
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains(extensions, filepath.Ext(name)) && !irregular(name):
			names = append(names, name)
		}
		return nil
	})
	if len(names)+len(errs) == 0 {
		return nil, fmt.Errorf("%s: no file whose name ends in .yaml, .yml or .json%s", path, map[bool]string{false: "; -R looks into the folders below"}[recursive])
	}
	return names, errors.Join(errs...)
}

// irregular tells what is there and no file, as a link to a folder or a pipe, which
// nobody may write to.
func irregular(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular()
}
