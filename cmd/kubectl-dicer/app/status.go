package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/dynamic"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/standing"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/terminal"
	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

type statusOptions struct {
	// kube are kubectl's own flags. --namespace is that of the SSPs that count;
	// default all.
	kube  *genericclioptions.ConfigFlags
	rules ruleOptions
	// output is one of standing.Formats; default table.
	output string
	// watch prints again after each change; false by default.
	watch bool
}

func newStatus() *cobra.Command {
	o := &statusOptions{kube: genericclioptions.NewConfigFlags(true)}
	cmd := &cobra.Command{
		Use: "status", Short: "Show what stands in the cluster of each template and architecture", Args: cobra.NoArgs,
		Long: `Show a matrix of the templates of all SSPs, or those of --namespace, and of their
architectures: whether the DataImportCron is there, made by the SSP operator, dicer or
another, and as the template asks for; whether CDI has imported the latest image, when
it did last, and whether the DataSource is ready. What is wrong comes first, then what
stands from before a template had a list, which is no finding.`,
		Example: `  kubectl dicer status
  kubectl dicer status -o wide
  kubectl dicer status --watch
  kubectl dicer status -o json --context=production`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), streams(cmd)) },
	}
	o.kube.AddFlags(cmd.Flags())
	o.rules.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "format: "+strings.Join(standing.Formats, ", "))
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "print again after each change")
	complete(cmd, "output", standing.Formats)
	return cmd
}

func (o *statusOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	rules, err := o.rules.rules()
	if err := errors.Join(err, oneOf("output", o.output, standing.Formats)); err != nil {
		return err
	}
	cluster, err := o.open()
	if err != nil {
		return err
	}
	// The first look tells what may not be read; a watch would try for ever.
	objects, err := cluster.Read(ctx)
	if err != nil {
		return err
	}
	if o.watch {
		return cluster.Watch(ctx, o.printChanges(rules, streams))
	}
	report := standing.Compare(&admission.Policy{Rules: rules}, objects)
	if err := o.print(streams, rules, report, time.Now()); err != nil {
		return err
	}
	if report.Problems > 0 {
		return command.ErrFindings
	}
	return nil
}

func (o *statusOptions) open() (*standing.Cluster, error) {
	config, err := o.kube.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper, err := o.kube.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	return standing.Open(client, mapper, *o.kube.Namespace)
}

// between is what stands between two reports of a format.
var between = map[string]string{"table": "\n", "wide": "\n", "yaml": "---\n"}

// printChanges prints a report that differs from the one before. Ages are not
// compared: they grow by themselves.
func (o *statusOptions) printChanges(rules arch.Rules, streams genericiooptions.IOStreams) func(standing.Objects) error {
	var last bytes.Buffer
	return func(objects standing.Objects) error {
		report := standing.Compare(&admission.Policy{Rules: rules}, objects)
		var now bytes.Buffer
		if err := report.Write(&now, "json", nil, time.Time{}, false); err != nil {
			return err
		}
		if bytes.Equal(now.Bytes(), last.Bytes()) {
			return nil
		}
		if last.Len() > 0 {
			if _, err := fmt.Fprint(streams.Out, between[o.output]); err != nil {
				return err
			}
		}
		last = now
		return o.print(streams, rules, report, time.Now())
	}
}

func (o *statusOptions) print(streams genericiooptions.IOStreams, rules arch.Rules, report standing.Report, now time.Time) error {
	var architectures []string
	for _, a := range rules.Accepted {
		architectures = append(architectures, string(a))
	}
	return report.Write(streams.Out, o.output, architectures, now, terminal.ColorsFor(streams.Out, os.LookupEnv))
}
