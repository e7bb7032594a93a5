package main

import (
	"context"
	"embed"
	"fmt"
	"strings"
)

// manifests holds what the steps apply. A line that matters ends in "#!".
//
//go:embed manifests
var manifests embed.FS

const lineThatMatters = "  #!"

// step applies one manifest and knows how that must end.
type step struct {
	title, file string
	// serverSide applies it as GitOps tools do.
	serverSide bool
	// answers must be in what kubectl prints.
	answers  []string
	rejected bool
}

var steps = []step{
	{title: "One template, two architectures: the SSP is accepted", file: "1-ssp-rhel10.yaml", answers: []string{"created"}},
	{title: "Its DataImportCrons, in the template's form: completed by a patch", file: "2-dic-rhel10.yaml", answers: []string{`renamed to "rhel10-amd64"`, `renamed to "rhel10-arm64"`, "created"}},
	{title: "A typo, of which the SSP operator would say nothing", file: "3-ssp-typo.yaml", rejected: true, answers: []string{`"arn64"`, `did you mean "arm64"?`}},
	{title: "A duplicate", file: "4-ssp-duplicate.yaml", rejected: true, answers: []string{"Duplicate value", "list it once"}},
	{title: "Names of other tools", file: "5-ssp-alias.yaml", rejected: true, answers: []string{`did you mean "amd64"?`, `did you mean "arm64"?`}},
	{title: "Two templates that end at one DataSource", file: "6-ssp-collision.yaml", rejected: true, answers: []string{`template "rhel10-image-cron" needs DataSource "rhel10-amd64" too`}},
	{title: "A DataImportCron for arm64, written by hand: completed", file: "7-dic-fedora-arm64.yaml", serverSide: true, answers: []string{`renamed to "fedora-arm64"`, "serverside-applied"}},
	{title: "The same one again: nothing changes", file: "7-dic-fedora-arm64.yaml", serverSide: true, answers: []string{"serverside-applied"}},
}

// show runs a step. An answer that is not as it should be is an error.
func (d *demo) show(ctx context.Context, out *screen, number int, s step) error {
	content, err := manifests.ReadFile("manifests/" + s.file)
	if err != nil {
		return err
	}
	manifest := string(content)
	out.title(number, s.title)
	for _, line := range linesThatMatter(manifest) {
		out.manifest(line)
	}
	args := []string{"apply", "-f", "-"}
	if s.serverSide {
		args = []string{"apply", "--server-side", "-f", "-"}
	}
	before, err := d.resourceVersions(ctx)
	if err != nil {
		return err
	}
	out.command("kubectl %s", strings.Join(args[:len(args)-1], " ")+" "+s.file)
	stdout, stderr, err := d.Kubectl(ctx, manifest, args...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	answer := stderr + stdout
	out.answer(answer, err != nil)
	if (err != nil) != s.rejected {
		return fmt.Errorf("step %d: rejected: %t; want %t", number, err != nil, s.rejected)
	}
	for _, text := range s.answers {
		if !strings.Contains(answer, text) {
			return fmt.Errorf("step %d: the answer lacks %q", number, text)
		}
	}
	after, err := d.resourceVersions(ctx)
	if err != nil {
		return err
	}
	if number == 1 || steps[number-2].file != s.file {
		return nil
	}
	if before != after {
		return fmt.Errorf("step %d: the same manifest again changed resourceVersions\n%s\nto\n%s", number, before, after)
	}
	out.answer("(every resourceVersion is what it was)", false)
	return nil
}

// linesThatMatter returns the marked lines without what all are indented by.
func linesThatMatter(manifest string) []string {
	var lines []string
	indent := len(manifest)
	for line := range strings.Lines(manifest) {
		if text, ok := strings.CutSuffix(strings.TrimRight(line, "\n"), lineThatMatters); ok {
			lines = append(lines, text)
			indent = min(indent, len(text)-len(strings.TrimLeft(text, " ")))
		}
	}
	for i := range lines {
		lines[i] = lines[i][indent:]
	}
	return lines
}

func (d *demo) resourceVersions(ctx context.Context) (string, error) {
	versions, _, err := d.Kubectl(ctx, "", "get", "dataimportcrons", "-A", "-o",
		`jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion}{"\n"}{end}`)
	return versions, err
}

// table shows the DataImportCrons that stand.
func (d *demo) table(ctx context.Context, out *screen) error {
	columns := []string{
		"NAME:.metadata.name",
		`ARCHITECTURE:.metadata.labels.template\.kubevirt\.io/architecture`,
		"PLATFORM:.spec.template.spec.source.registry.platform.architecture",
		"DATASOURCE:.spec.managedDataSource",
		`BASE:.metadata.labels.cdi\.kubevirt\.io/storage\.import\.datasource-name`,
		`LIST:.metadata.annotations.ssp\.kubevirt\.io/dict\.architectures`,
	}
	table, _, err := d.Kubectl(ctx, "", "get", "dataimportcrons", "-n", "kubevirt-os-images", "-o", "custom-columns="+strings.Join(columns, ","))
	if err != nil {
		return err
	}
	out.title(len(steps)+1, "The DataImportCrons that stand")
	out.answer(table, false)
	return nil
}
