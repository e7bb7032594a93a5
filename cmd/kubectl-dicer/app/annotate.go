package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/annotate"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/images"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/internal/command"
)

type annotateOptions struct {
	files fileOptions
	rules ruleOptions
	// inPlace writes the files instead of printing one; false by default.
	inPlace bool
	// timeout bounds what all registries take together; default a minute.
	timeout time.Duration
}

func newAnnotate() *cobra.Command {
	o := &annotateOptions{}
	cmd := &cobra.Command{
		Use: "annotate -f FILE", Short: "Fill in the lists of templates from their images", Args: cobra.NoArgs,
		Long: `Set the list of each template of an SSP or HyperConverged to the architectures that
its image is there for, by the image's own manifest list, and print the file.
Architectures that are not accepted are left out and named, on standard error, and
so are templates without an image in a registry. Nothing else of the file changes.

Credentials come from the files of docker and podman.`,
		Example: `  kubectl dicer annotate -f ssp.yaml
  kubectl dicer annotate -f ssp.yaml --in-place
  kubectl dicer annotate -f . -R --in-place --architectures=amd64,arm64`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), streams(cmd)) },
	}
	o.files.addFlags(cmd.Flags())
	o.rules.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.inPlace, "in-place", false, "write the files instead of printing one")
	cmd.Flags().DurationVar(&o.timeout, "timeout", time.Minute, "how long the registries may take in all")
	return cmd
}

func (o *annotateOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	rules, err := o.rules.rules()
	if err != nil {
		return err
	}
	files, err := o.files.load(ctx, streams)
	if err != nil {
		return err
	}
	if err := o.check(files); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	annotator := &annotate.Annotator{Images: images.Architectures, Accepted: rules.Accepted}
	var errs []error
	wrong := false
	for _, file := range files {
		content, outcomes, err := annotator.File(ctx, file)
		errs = append(errs, err)
		for _, outcome := range outcomes {
			wrong = wrong || outcome.Wrong
			fmt.Fprintln(streams.ErrOut, outcome)
		}
		errs = append(errs, o.write(file, content, streams))
	}
	if err := errors.Join(errs...); err != nil || !wrong {
		return err
	}
	return command.ErrFindings
}

func (o *annotateOptions) check(files []manifest.File) error {
	if !o.inPlace && len(files) > 1 {
		return fmt.Errorf("--filename: %d files; want one, or --in-place", len(files))
	}
	for _, path := range o.files.paths {
		if o.inPlace && path == manifest.Stdin {
			return errors.New("--in-place: the standard input cannot be written; want a file")
		}
	}
	return nil
}

func (o *annotateOptions) write(file manifest.File, content []byte, streams genericiooptions.IOStreams) error {
	if !o.inPlace {
		_, err := streams.Out.Write(content)
		return err
	}
	if string(content) == string(file.Content) {
		return nil
	}
	return replace(file.Name, content)
}

// replace writes a file beside the one that is there and moves it to its place, so
// that there is a whole one at any time. A link stays one.
func replace(name string, content []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".dicer-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already where all went well
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
