package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/lint"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/rulebook"
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/terminal"
	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// failOn are the values of --fail-on.
var failOn = []string{string(arch.Warning), string(arch.Error)}

type lintOptions struct {
	files fileOptions
	rules ruleOptions
	// output is one of lint.Formats; default text.
	output string
	// failOn is the severity from which on the exit code is 1; default warning.
	failOn string
	// list prints the rules instead; false by default.
	list bool
	// explain is a rule to explain instead; none by default.
	explain string
}

func newLint() *cobra.Command {
	o := &lintOptions{}
	cmd := &cobra.Command{
		Use: "lint -f FILE", Short: "Say what the webhook would say of objects in files", Args: cobra.NoArgs,
		Long: `Judge SSPs, HyperConvergeds and DataImportCrons in YAML or JSON by the webhook's
rules, as if they were created, and print each finding with its place. Other objects
are passed over.`,
		Example: `  # A file, a repository, the output of kustomize
  kubectl dicer lint -f ssp.yaml
  kubectl dicer lint -f . -R
  kustomize build . | kubectl dicer lint -f -

  # For a code host
  kubectl dicer lint -f . -R -o github
  kubectl dicer lint -f . -R -o sarif >dicer.sarif

  # The rules, and one of them with an example
  kubectl dicer lint --rules
  kubectl dicer lint --explain name-collision`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), streams(cmd)) },
	}
	o.files.addFlags(cmd.Flags())
	o.rules.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "format: "+strings.Join(lint.Formats, ", ")+"; with --rules text or json")
	cmd.Flags().StringVar(&o.failOn, "fail-on", string(arch.Warning), "severity from which on the exit code is 1: "+strings.Join(failOn, ", "))
	cmd.Flags().BoolVar(&o.list, "rules", false, "list the rules")
	cmd.Flags().StringVar(&o.explain, "explain", "", "explain a rule, with an example")
	complete(cmd, "output", lint.Formats)
	complete(cmd, "fail-on", failOn)
	complete(cmd, "explain", ruleNames())
	return cmd
}

func ruleNames() []string {
	var names []string
	for _, e := range rulebook.All() {
		names = append(names, string(e.Rule))
	}
	return names
}

func (o *lintOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	rules, err := o.rules.rules()
	if err := errors.Join(err, oneOf("output", o.output, lint.Formats), oneOf("fail-on", o.failOn, failOn)); err != nil {
		return err
	}
	switch {
	case o.list:
		return o.printRules(streams.Out)
	case o.explain != "":
		e, err := rulebook.Find(arch.Rule(o.explain))
		if err != nil {
			return fmt.Errorf("--explain: %w", err)
		}
		return explain(streams.Out, e)
	}
	files, unread := o.files.load(ctx, streams)
	if len(files) == 0 {
		return unread
	}
	return o.lint(files, unread, &admission.Policy{Rules: rules}, streams)
}

// lint judges what can be read before it fails for what cannot.
func (o *lintOptions) lint(files []manifest.File, unread error, policy *admission.Policy, streams genericiooptions.IOStreams) error {
	var report lint.Report
	errs := []error{unread}
	for _, file := range files {
		objects, err := manifest.Read(file.Name, file.Content)
		if err != nil && file.InFolder && bytes.Contains(file.Content, []byte("{{")) {
			// Of a chart, most likely. What the chart renders can be judged, this cannot.
			fmt.Fprintf(streams.ErrOut, "passed over, a template of YAML: %v\n", err)
			err = nil
		}
		errs = append(errs, err, report.Judge(policy, objects))
	}
	if err := report.Write(streams.Out, o.output, terminal.ColorsFor(streams.Out, os.LookupEnv)); err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if report.Errors > 0 || report.Warnings > 0 && o.failOn == string(arch.Warning) {
		return command.ErrFindings
	}
	return nil
}

func (o *lintOptions) printRules(out io.Writer) error {
	switch o.output {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(rulebook.All())
	case "text":
	default:
		return fmt.Errorf("--output: %q is no format of --rules; accepted: text, json", o.output)
	}
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "RULE\tSEVERITY\tWHAT IS FOUND")
	for _, e := range rulebook.All() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.Rule, e.Severity, e.Summary)
	}
	return table.Flush()
}

func explain(out io.Writer, e rulebook.Entry) error {
	_, err := fmt.Fprintf(out, "%s (%s)\n\nFound: %s.\nWhy:   %s\nFix:   %s.\n\nFound in:\n\n%s",
		e.Rule, e.Severity, e.Summary, e.Why, e.Fix, e.Example)
	return err
}
