package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/expand"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

var expandFormats = []string{"yaml", "json", "table"}

type expandOptions struct {
	files fileOptions
	rules ruleOptions
	// output is one of expandFormats; default yaml.
	output string
	// nodes are the architectures of the cluster's nodes; default what the SSP says.
	nodes string
}

func newExpand() *cobra.Command {
	o := &expandOptions{}
	cmd := &cobra.Command{
		Use: "expand -f FILE", Short: "Show the DataImportCrons that templates become", Args: cobra.NoArgs,
		Long: `Print the DataImportCrons that would stand for the templates of an SSP or
HyperConverged: one for each architecture of a list, the plain one of a template
without. What is wrong goes to standard error; the valid items of a list are
expanded all the same, but for those of a HyperConverged that HCO loses, for white
space around them. Where two templates make one name, the first has it.`,
		Example: `  kubectl dicer expand -f ssp.yaml | kubectl apply --dry-run=server -f -
  kubectl dicer expand -f ssp.yaml -o table
  kubectl dicer expand -f ssp.yaml --cluster-architectures=arm64`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), streams(cmd)) },
	}
	o.files.addFlags(cmd.Flags())
	o.rules.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "yaml", "format: "+strings.Join(expandFormats, ", "))
	cmd.Flags().StringVar(&o.nodes, "cluster-architectures", "", "architectures of the cluster's nodes; empty: what the SSP's spec.cluster says")
	complete(cmd, "output", expandFormats)
	return cmd
}

func (o *expandOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	rules, err := o.rules.rules()
	nodes, nodesErr := o.clusterArchitectures()
	if err := errors.Join(err, nodesErr, oneOf("output", o.output, expandFormats)); err != nil {
		return err
	}
	files, err := o.files.load(ctx, streams)
	if err != nil {
		return err
	}
	objects, err := withTemplates(files)
	if err != nil {
		return err
	}
	var all []arch.Expanded
	var errs []error
	found := false
	for _, object := range objects {
		e, err := expand.Object(&admission.Policy{Rules: rules}, object, nodes)
		errs = append(errs, err)
		all = append(all, e.DataImportCrons...)
		found = found || e.Findings.HasErrors()
		if err := tell(streams.ErrOut, object, e.Findings); err != nil {
			return err
		}
	}
	if err := printExpanded(streams.Out, o.output, all); err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil || !found {
		return err
	}
	return command.ErrFindings
}

func (o *expandOptions) clusterArchitectures() (arch.Architectures, error) {
	if o.nodes == "" {
		return nil, nil
	}
	nodes, err := arch.ParseArchitectures(o.nodes)
	if err != nil {
		return nil, fmt.Errorf("--cluster-architectures: %w", err)
	}
	return nodes, nil
}

// withTemplates returns the objects of the files that have templates. None is an
// error: another file was meant.
func withTemplates(files []manifest.File) ([]*manifest.Object, error) {
	var found []*manifest.Object
	var names []string
	for _, file := range files {
		objects, err := manifest.Read(file.Name, file.Content)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if admission.TemplatesPath(o.Kind) != nil {
				found = append(found, o)
			}
		}
		names = append(names, file.Name)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no SSP or HyperConverged", strings.Join(names, ", "))
	}
	return found, nil
}

// tell prints findings with their places.
func tell(out io.Writer, o *manifest.Object, findings arch.Findings) error {
	for _, f := range findings {
		at := o.Position(f.FieldError().Field, f.Value)
		if _, err := fmt.Fprintf(out, "%s:%d:%d: %s: %s\n", o.File, at.Line, at.Column, f.Severity, f.Message()); err != nil {
			return err
		}
	}
	return nil
}

func printExpanded(out io.Writer, format string, all []arch.Expanded) error {
	switch format {
	case "json":
		return printJSON(out, all)
	case "table":
		return printTable(out, all)
	}
	for i, x := range all {
		text, err := yaml.JSONToYAML(x.Object)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// printJSON prints a List, as kubectl does.
func printJSON(out io.Writer, all []arch.Expanded) error {
	list := struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}{APIVersion: "v1", Kind: "List", Items: []json.RawMessage{}}
	for _, x := range all {
		list.Items = append(list.Items, x.Object)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(list); err != nil {
		return err
	}
	_, err := text.WriteTo(out)
	return err
}

func printTable(out io.Writer, all []arch.Expanded) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "NAMESPACE\tNAME\tARCHITECTURE\tPLATFORM\tDATASOURCE\tBASE")
	for _, x := range all {
		var d arch.DataImportCron
		if _, err := arch.Decode(x.Object, &d); err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", x.Namespace, x.Name, dash(string(x.Arch)), dash(d.Platform()), x.ManagedDataSource, dash(d.Metadata.Labels[arch.BaseLabel]))
	}
	return table.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
