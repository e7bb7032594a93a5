// Package app is the command line of kubectl dicer.
package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// NewCommand returns the command, which reads and writes where its cobra.Command says.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubectl-dicer",
		Short: "Check and expand multi-architecture golden-image templates",
		Long: `Check DataImportCron templates for several architectures in files, by the rules of
dicer's admission webhook, show what they become, fill in their lists from the
images, and show what stands in a cluster.

Exit codes: 0 fine, 1 findings, 2 wrong usage or failed I/O.
NO_COLOR turns colours off.`,
		Example: `  # What would the webhook say?
  kubectl dicer lint -f ssp.yaml
  kustomize build . | kubectl dicer lint -f -

  # Which DataImportCrons would stand?
  kubectl dicer expand -f ssp.yaml -o table

  # Which architectures have the images?
  kubectl dicer annotate -f ssp.yaml --in-place

  # What stands in the cluster?
  kubectl dicer status`,
		Annotations:  map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl dicer"},
		SilenceUsage: true, SilenceErrors: true,
	}
	cmd.AddCommand(newLint(), newExpand(), newStatus(), newAnnotate(), newVersion())
	return cmd
}

// streams are where a command reads and writes.
func streams(cmd *cobra.Command) genericiooptions.IOStreams {
	return genericiooptions.IOStreams{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), ErrOut: cmd.ErrOrStderr()}
}

// ruleOptions are what an administrator can set about the rules.
type ruleOptions struct {
	// architectures are those that are accepted, as the webhook's --architectures;
	// default amd64,arm64,s390x.
	architectures string
	// namespace is that of templates that name none; default kubevirt-os-images.
	namespace string
}

func (o *ruleOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.architectures, "architectures", arch.DefaultArchitectures().List(), "accepted architectures, as the webhook's")
	flags.StringVar(&o.namespace, "golden-images-namespace", arch.DefaultGoldenImagesNamespace, "namespace of templates that name none")
}

func (o *ruleOptions) rules() (arch.Rules, error) {
	accepted, err := arch.ParseArchitectures(o.architectures)
	if err != nil {
		return arch.Rules{}, fmt.Errorf("--architectures: %w", err)
	}
	return arch.Rules{Accepted: accepted, GoldenImagesNamespace: o.namespace}, nil
}

// fileOptions are which files are read.
type fileOptions struct {
	// paths are files, folders, or "-" for the standard input; none by default.
	paths []string
	// recursive reads the folders below too; false by default.
	recursive bool
}

func (o *fileOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&o.paths, "filename", "f", nil, "file, folder, or - for the standard input; may be repeated")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "read the folders below, too")
}

// load ends with ctx, although a read of a terminal or a pipe does not: Ctrl-C would
// leave the command waiting for it.
func (o *fileOptions) load(ctx context.Context, io genericiooptions.IOStreams) ([]manifest.File, error) {
	if len(o.paths) == 0 {
		return nil, fmt.Errorf("--filename: missing; want a file, a folder or - for the standard input")
	}
	type loaded struct {
		files []manifest.File
		err   error
	}
	done := make(chan loaded, 1)
	go func() {
		files, err := manifest.Load(o.paths, o.recursive, io.In)
		done <- loaded{files, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case l := <-done:
		return l.files, l.err
	}
}

// oneOf tells whether a flag has one of its values.
func oneOf(flag, value string, accepted []string) error {
	for _, a := range accepted {
		if a == value {
			return nil
		}
	}
	return fmt.Errorf("--%s: %q is unknown; accepted: %s", flag, value, strings.Join(accepted, ", "))
}

// complete has a shell offer the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	// It fails for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Example: "  kubectl dicer version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "kubectl-dicer %s\n", command.VersionLine())
			return err
		},
	}
}
