package app

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/internal/command"
)

var update = flag.Bool("update", false, "write what the commands print to testdata as what is expected")

// result is what a run of the command came to.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the command with a standard input.
func run(ctx context.Context, stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	cmd := NewCommand()
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	err := cmd.ExecuteContext(ctx)
	out := result{stdout: stdout.String(), stderr: stderr.String()}
	switch {
	case errors.Is(err, command.ErrFindings):
		out.code = 1
	case err != nil:
		out.code = 2
		out.stderr += fmt.Sprintf("kubectl-dicer: %v\n", err)
	}
	return out
}

// TestGolden has the whole of what commands print. In testdata NAME.golden has it for
// the command line on its first line.
func TestGolden(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.golden")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".golden"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			line, _, _ := strings.Cut(string(want), "\n")
			args, found := strings.CutPrefix(line, "$ kubectl dicer ")
			if !found {
				t.Fatalf("the first line is %q; want $ kubectl dicer and arguments", line)
			}
			r := run(t.Context(), "", strings.Fields(args)...)
			got := fmt.Sprintf("%s\n%s", line, r.stdout)
			if r.stderr != "" {
				got += "--- standard error\n" + r.stderr
			}
			got += fmt.Sprintf("--- exit code %d\n", r.code)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s\nwhere that is right: go test ./app -update", diff)
			}
		})
	}
}

func TestExitCodesAndErrors(t *testing.T) {
	const warned = "apiVersion: cdi.kubevirt.io/v1beta1\nkind: DataImportCron\nmetadata:\n  name: x\n  labels: {template.kubevirt.io/architecture: arm64}\nspec: {managedDataSource: x-arm64}\n"
	for name, tc := range map[string]struct {
		args   string
		stdin  string
		code   int
		stderr string
	}{
		"nothing to find":            {args: "lint -f -", stdin: "a: b"},
		"a warning is a finding":     {args: "lint -f -", stdin: warned, code: 1},
		"but for who wants errors":   {args: "lint -f - --fail-on=error", stdin: warned},
		"no file":                    {args: "lint", code: 2, stderr: "--filename: missing; want a file"},
		"a file that is not there":   {args: "lint -f none.yaml", code: 2, stderr: "none.yaml: no such file"},
		"a file that is no YAML":     {args: "lint -f -", stdin: "a: [", code: 2, stderr: "stdin: yaml: line 1"},
		"an unknown format":          {args: "lint -f - -o xml", code: 2, stderr: `--output: "xml" is unknown; accepted: text, json, sarif, github`},
		"an unknown severity":        {args: "lint -f - --fail-on=hint", code: 2, stderr: `--fail-on: "hint" is unknown; accepted: warning, error`},
		"rules in another format":    {args: "lint --rules -o sarif", code: 2, stderr: `--output: "sarif" is no format of --rules; accepted: text, json`},
		"an unknown rule":            {args: "lint --explain nme", code: 2, stderr: `--explain: rule "nme" is unknown; accepted: unknown-architecture, `},
		"an impossible architecture": {args: "lint -f - --architectures=AMD64", code: 2, stderr: `--architectures: "AMD64" is no architecture`},
		"impossible nodes":           {args: "expand -f - --cluster-architectures=a,a", code: 2, stderr: `--cluster-architectures: "a" is listed twice`},
		"nothing to expand":          {args: "expand -f -", stdin: warned, code: 2, stderr: "stdin: no SSP or HyperConverged"},
		"the standard input written": {args: "annotate -f - --in-place", code: 2, stderr: "--in-place: the standard input cannot be written"},
		"two files printed":          {args: "annotate -f - -f testdata/seed.yaml", code: 2, stderr: "--filename: 2 files; want one, or --in-place"},
		"an SSP without templates":   {args: "expand -f - --cluster-architectures=arm64", stdin: "apiVersion: ssp.kubevirt.io/v1beta3\nkind: SSP\n"},
		"an unknown command":         {args: "lnt", code: 2, stderr: `unknown command "lnt" for "kubectl dicer"`},
		"an argument":                {args: "lint ssp.yaml", code: 2, stderr: `unknown command "ssp.yaml" for "kubectl dicer lint"`},
		"help":                       {args: "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t.Context(), tc.stdin, strings.Fields(tc.args)...)
			if r.code != tc.code || !strings.Contains(r.stderr, tc.stderr) {
				t.Errorf("exit code %d, %q; want %d, %q", r.code, r.stderr, tc.code, tc.stderr)
			}
		})
	}
}

// TestAnInterruptEndsAReadThatWaits has a standard input that says nothing.
func TestAnInterruptEndsAReadThatWaits(t *testing.T) {
	in, never := io.Pipe()
	defer never.Close()
	for _, args := range [][]string{{"lint", "-f", "-"}, {"expand", "-f", "-"}, {"annotate", "-f", "-"}} {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := NewCommand()
		cmd.SetArgs(args)
		cmd.SetIn(in)
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		done := make(chan error, 1)
		go func() { done <- cmd.ExecuteContext(ctx) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestEveryCommandHasExamples(t *testing.T) {
	root := NewCommand()
	for _, cmd := range append(root.Commands(), root) {
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s: want help with an example", cmd.CommandPath())
		}
	}
}

// TestWhatCanBeReadIsJudged has a broken document beside one with a mistake: both are
// told, and the exit code says that not all was judged.
func TestWhatCanBeReadIsJudged(t *testing.T) {
	seed, err := os.ReadFile("testdata/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := run(t.Context(), "a: [\n---\n"+string(seed), "lint", "-f", "-")
	if r.code != 2 || !strings.Contains(r.stdout, `did you mean "arm64"?`) || !strings.Contains(r.stderr, "stdin: yaml: line 1") {
		t.Errorf("%+v", r)
	}
}

// TestAFolderIsJudgedBesideWhatCannotBeRead has a link that leads nowhere, a folder that
// nobody may read, and what is no YAML, before a file with a mistake.
func TestAFolderIsJudgedBesideWhatCannotBeRead(t *testing.T) {
	seed, err := os.ReadFile("testdata/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link, closed, broken, good := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b"), filepath.Join(dir, "c.json"), filepath.Join(dir, "d.yaml")
	if err := errors.Join(
		os.Symlink("none", link), os.Mkdir(closed, 0),
		os.WriteFile(broken, []byte("\x00\xff"), 0o644), os.WriteFile(good, seed, 0o644),
	); err != nil {
		t.Fatal(err)
	}
	r := run(t.Context(), "", "lint", "-R", "-f", dir)
	want := []string{link + ": no such file or directory", broken + ": yaml: "}
	if os.Geteuid() != 0 { // who may read all
		want = append(want, closed+": permission denied")
	}
	for _, want := range want {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%q is not in %q", want, r.stderr)
		}
	}
	if r.code != 2 || !strings.HasPrefix(r.stdout, good+":") || !strings.Contains(r.stdout, `did you mean "arm64"?`) {
		t.Errorf("%+v", r)
	}
}

func TestShellsAreOfferedValues(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"formats of lint":   {[]string{"lint", "-o", ""}, "text\njson\nsarif\ngithub\n"},
		"formats of expand": {[]string{"expand", "--output", ""}, "yaml\njson\ntable\n"},
		"formats of status": {[]string{"status", "-o", ""}, "table\nwide\njson\nyaml\n"},
		"rules":             {[]string{"lint", "--explain", ""}, "unknown-architecture\n"},
		"commands":          {[]string{"st"}, "status\tShow what stands"},
	} {
		r := run(t.Context(), "", append([]string{"__complete"}, tc.args...)...)
		if r.code != 0 || !strings.Contains(r.stdout, tc.want) {
			t.Errorf("%s: %+v; want %q", name, r, tc.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := run(t.Context(), "", "completion", shell); r.code != 0 || !strings.Contains(r.stdout, "kubectl-dicer") {
			t.Errorf("%s: exit code %d, %.100q", shell, r.code, r.stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	if r := run(t.Context(), "", "version"); r.code != 0 || !strings.HasPrefix(r.stdout, "kubectl-dicer devel (commit unknown") {
		t.Errorf("%+v", r)
	}
}

// TestChartsInARepositoryArePassedOver has a chart's template in a folder, which is
// told, and names it, which asks for more than can be had.
func TestChartsInARepositoryArePassedOver(t *testing.T) {
	dir := t.TempDir()
	chart := filepath.Join(dir, "chart.yaml")
	for name, content := range map[string]string{"chart.yaml": "a: {{ .Values.a }}\nb: {{- if x }}\n", "seed.yaml": "a: b\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r := run(t.Context(), "", "lint", "-f", dir); r.code != 0 || !strings.HasPrefix(r.stderr, "passed over, a template of YAML: "+chart) {
		t.Errorf("in a folder: %+v", r)
	}
	if r := run(t.Context(), "", "lint", "-f", chart); r.code != 2 || !strings.HasPrefix(r.stderr, "kubectl-dicer: "+chart) {
		t.Errorf("by name: %+v", r)
	}
}

// TestATemplateThatCannotBeReadDoesNotHideOthers has one beside a good one.
func TestATemplateThatCannotBeReadDoesNotHideOthers(t *testing.T) {
	good, err := os.ReadFile("testdata/ssp-rhel10.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := run(t.Context(), string(good)+"    - metadata: {name: [x]}\n", "expand", "-f", "-", "-o", "table")
	if r.code != 2 || !strings.Contains(r.stdout, "rhel10-image-cron-arm64") || !strings.Contains(r.stderr, "kubectl-dicer: stdin: template \"\": spec.commonTemplates.dataImportCronTemplates[1].metadata.name: ") {
		t.Errorf("%+v", r)
	}
}

// TestTheREADMEShowsWhatIsPrinted holds the two together.
func TestTheREADMEShowsWhatIsPrinted(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lint-five-mistakes", "expand-table"} {
		golden, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
		if err != nil {
			t.Fatal(err)
		}
		shown, _, _ := strings.Cut(string(golden), "---")
		if !strings.Contains(string(readme), "```console\n"+shown+"```\n") {
			t.Errorf("README.md has not:\n%s", shown)
		}
	}
}
