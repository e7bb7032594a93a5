package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// show runs a step. What is not as it should be is an error.
func (d *demo) show(ctx context.Context, number int, s step) error {
	if err := d.try(ctx, number, s); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("step %d: %w", number, err)
	}
	return nil
}

func (d *demo) try(ctx context.Context, number int, s step) error {
	d.out.title(number, s.title)
	told, err := d.told(ctx)
	if err != nil {
		return err
	}
	if err := d.command(ctx, s); err != nil {
		return err
	}
	if err := d.await(ctx, s.fates); err != nil {
		return err
	}
	if err := d.compare(s.like); err != nil {
		return err
	}
	if s.event != "" {
		if err := d.events(ctx, s, told); err != nil {
			return err
		}
	}
	if s.table {
		return d.table(ctx)
	}
	return nil
}

// command runs a step's kubectl and judges its answer.
func (d *demo) command(ctx context.Context, s step) error {
	args, shown, text, err := d.prepare(s)
	if err != nil {
		return err
	}
	d.out.command("kubectl %s", shown)
	stdout, stderr, err := d.Kubectl(ctx, text, args...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	answer := stderr + stdout
	d.out.answer(answer, err != nil)
	if (err != nil) != s.rejected {
		return fmt.Errorf("rejected: %t; want %t", err != nil, s.rejected)
	}
	for _, want := range s.answers {
		if !strings.Contains(answer, want) {
			return fmt.Errorf("the answer lacks %q", want)
		}
	}
	if !s.rejected {
		d.texts[s.file] = text
	}
	return nil
}

// prepare shows what a step applies, and returns kubectl's arguments, how they
// are shown, and its input.
func (d *demo) prepare(s step) (args []string, shown, text string, err error) {
	if s.delete != nil {
		args = append([]string{"delete"}, s.delete...)
		return args, strings.Join(args, " "), "", nil
	}
	text, edited := d.texts[s.file]
	if !edited {
		if text, err = read(s.file); err != nil {
			return nil, "", "", err
		}
	}
	switch {
	case s.old != "":
		if strings.Count(text, s.old) != 1 {
			return nil, "", "", fmt.Errorf("%s has %q not exactly once", s.file, s.old)
		}
		text = strings.Replace(text, s.old, s.new, 1)
		d.out.manifest([]string{"- " + s.old, "+ " + s.new})
	case s.add != "":
		added, err := read(s.add)
		if err != nil {
			return nil, "", "", err
		}
		text = strings.TrimRight(text, "\n") + "\n" + added
		lines := linesThatMatter(added)
		for i := range lines {
			lines[i] = "+ " + lines[i]
		}
		d.out.manifest(lines)
	default:
		d.out.manifest(linesThatMatter(text))
	}
	shown = "apply -f " + filepath.Base(s.file)
	args = []string{"apply", "-f", "-"}
	if s.serverSide {
		shown = "apply --server-side -f " + filepath.Base(s.file)
		args = []string{"apply", "--server-side", "-f", "-"}
	}
	return args, shown, text, nil
}

// read reads a file of the repository.
func read(path string) (string, error) {
	content, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		return "", fmt.Errorf("%w; run the demo in the repository's root, as make does", err)
	}
	return string(content), nil
}

// telling are the keys of the lines that dicer reads, and of those that tell
// where they are.
var telling = []string{
	"kind:", "dataImportCronTemplates:", "name:", "labels:", "annotations:", "ssp.kubevirt.io/dict.architectures:", "kubevirt.io/dynamic-credentials-support:",
	"template.kubevirt.io/architecture:", "managedDataSource:", "schedule:", "registry:", "imageStream:", "url:",
}

// linesThatMatter returns a manifest's telling lines without what all are
// indented by.
func linesThatMatter(manifest string) []string {
	var lines []string
	indent := len(manifest)
	for line := range strings.Lines(manifest) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimLeft(line, " -")
		for _, key := range telling {
			if strings.HasPrefix(text, key) {
				lines = append(lines, line)
				indent = min(indent, len(line)-len(strings.TrimLeft(line, " ")))
			}
		}
	}
	for i := range lines {
		lines[i] = lines[i][indent:]
	}
	return lines
}
