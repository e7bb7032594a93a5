package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/standing"
)

// ssp asks for two architectures of rhel10, and a plain fedora.
const ssp = `
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: ssp, namespace: kubevirt}
spec:
  commonTemplates:
    namespace: kubevirt
    dataImportCronTemplates:
    - metadata: {name: fedora}
      spec: {managedDataSource: fedora, schedule: 0 0 * * 2, template: {spec: {source: {registry: {url: "docker://quay.io/example/fedora"}}, storage: {}}}}
    - metadata:
        name: rhel10
        annotations: {ssp.kubevirt.io/dict.architectures: "amd64,arm64"}
      spec: {managedDataSource: rhel10, schedule: 0 0 * * 2, template: {spec: {source: {registry: {url: "docker://quay.io/example/rhel10"}}, storage: {}}}}
`

// imported is when CDI has imported everything: 2d1h ago, for half an hour.
var imported = time.Now().Add(-49*time.Hour - 30*time.Minute).UTC().Format(time.RFC3339)

// cron is a DataImportCron that CDI has imported.
func cron(name, base, architecture, labels, annotations string) string {
	platform := ""
	if architecture != "" {
		platform = ", platform: {architecture: " + architecture + "}"
		labels = "template.kubevirt.io/architecture: " + architecture + ", cdi.kubevirt.io/storage.import.datasource-name: " + base + ", " + labels
	}
	return fmt.Sprintf(`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: %s, namespace: %s, labels: {%s}, annotations: {%s}}
spec: {managedDataSource: %s, schedule: 0 0 * * 2, template: {spec: {source: {registry: {url: "docker://quay.io/example/%s"%s}}, storage: {}}}}
status:
  lastImportTimestamp: %q
  conditions: [{type: UpToDate, status: "True"}, {type: Progressing, status: "False"}]
`, name, golden, labels, annotations, name, base, platform, imported)
}

func source(name string) string {
	return fmt.Sprintf(`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataSource
metadata: {name: %s, namespace: %s}
spec: {source: {}}
status: {conditions: [{type: Ready, status: "True"}]}
`, name, golden)
}

const (
	byOperator = "app.kubernetes.io/managed-by: ssp-operator"
	byDicer    = "app.kubernetes.io/managed-by: dicer"
)

// dicers is dicer's record on an object.
func dicers(name string) string {
	return fmt.Sprintf("dicer.dev/ssp: kubevirt/ssp, dicer.dev/object: %s/%s", golden, name)
}

// states says how each DataImportCron stands, in the report's order.
func states(r standing.Report) []string {
	var all []string
	for _, t := range r.Templates {
		for _, d := range t.DataImportCrons {
			all = append(all, fmt.Sprintf("%s %s: present %t by %q, up to date %t, ready %t, imported %t %q",
				t.Name, d.Architecture, d.Present, d.By, d.UpToDate, d.Ready, d.LastImport != nil, d.Problems))
		}
	}
	return all
}

func TestStatusShowsWhatStands(t *testing.T) {
	create(t, ssp)
	create(t, cron("fedora", "fedora", "", byOperator, ""))
	create(t, source("fedora"))
	create(t, cron("rhel10-amd64", "rhel10", "amd64", byDicer, dicers("rhel10-amd64")))
	create(t, source("rhel10-amd64"))

	stdout, stderr, code := kubectl(t, "", "dicer", "status", "-o", "json")
	if code != 1 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	var report standing.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`rhel10 amd64: present true by "dicer", up to date true, ready true, imported true []`,
		`rhel10 arm64: present false by "", up to date false, ready false, imported false ["missing"]`,
		`fedora : present true by "SSP operator", up to date true, ready true, imported true []`,
	}
	if diff := cmp.Diff(want, states(report)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	stdout, stderr, code = kubectl(t, "", "dicer", "status")
	if code != 1 || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stderr, stdout)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "$ kubectl dicer status\n"+stdout+"```\n") {
		t.Errorf("README.md has not:\n%s", stdout)
	}

	create(t, cron("rhel10-arm64", "rhel10", "arm64", "a: b", ""))
	create(t, source("rhel10-arm64"))
	stdout, stderr, code = kubectl(t, "", "dicer", "status", "-o", "wide")
	if code != 0 || stderr != "" || !strings.Contains(stdout, " other ") {
		t.Errorf("all is well: exit code %d, %s%s", code, stderr, stdout)
	}
	t.Logf("kubectl dicer status -o wide:\n%s", stdout)

	create(t, cron("rhel10", "rhel10", "", "a: b", ""))
	for _, format := range standing.Formats {
		stdout, stderr, code = kubectl(t, "", "dicer", "status", "-o", format)
		const note = "the plain one of a template that has a list; keep it while one of the list's DataSources is not ready, or anything uses DataSource rhel10"
		// yaml has a text of this length on two lines.
		if code != 0 || stderr != "" || strings.Count(strings.Join(strings.Fields(stdout), " "), note) != 1 {
			t.Errorf("a plain one is left: -o %s: exit code %d, %s%s", format, code, stderr, stdout)
		}
	}

	stdout, stderr, code = kubectl(t, "", "dicer", "status", "-n", "elsewhere")
	if code != 0 || stderr != "" || stdout != "No SSP has a template.\n" {
		t.Errorf("SSPs elsewhere: exit code %d, %s%s", code, stderr, stdout)
	}
}

// TestStatusWatches reads one report after the other from the command's output.
func TestStatusWatches(t *testing.T) {
	create(t, ssp)
	create(t, cron("fedora", "fedora", "", byOperator, ""))
	create(t, source("fedora"))
	create(t, cron("rhel10-arm64", "rhel10", "arm64", byOperator, ""))
	create(t, source("rhel10-arm64"))
	create(t, source("rhel10-amd64"))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := command(ctx, t, "dicer", "status", "--watch", "-o", "json")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // kubectl has become the plugin
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reports := json.NewDecoder(bufio.NewReader(pipe))
	// until reads reports until one says what is wanted, or the test's time is over.
	until := func(problems int) {
		t.Helper()
		for {
			var report standing.Report
			if err := reports.Decode(&report); err != nil {
				t.Fatal(err)
			}
			if report.Problems == problems {
				return
			}
		}
	}
	until(1)
	missing := create(t, cron("rhel10-amd64", "rhel10", "amd64", byOperator, ""))
	until(0)
	if err := unstructured.SetNestedField(missing.Object, nil, "status"); err != nil {
		t.Fatal(err)
	}
	if err := env.Client.Update(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	until(1)
	cancel()
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// TestStatusTellsWhatItCannotRead is asked by somebody who may not read, and where
// nothing answers.
func TestStatusTellsWhatItCannotRead(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"nobody may":         {[]string{"--as=nobody"}, `ssps.ssp.kubevirt.io is forbidden: User "nobody" cannot list resource "ssps"`},
		"no server":          {[]string{"--server=https://127.0.0.1:1"}, "connect: connection refused"},
		"no such context":    {[]string{"--context=none"}, `context "none" does not exist`},
		"no such kubeconfig": {[]string{"--kubeconfig=none"}, "none: no such file or directory"},
		"an unknown format":  {[]string{"-o", "xml"}, `--output: "xml" is unknown; accepted: table, wide, json, yaml`},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := kubectl(t, "", append([]string{"dicer", "status"}, tc.args...)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit code %d, %s%s; want %q", code, stdout, stderr, tc.want)
			}
		})
	}
}
