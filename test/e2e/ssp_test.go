package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// at is the path of a field of template i.
func at(i int, field string) string {
	return fmt.Sprintf("spec.commonTemplates.dataImportCronTemplates[%d].%s", i, field)
}

// listAt is the path of the list of template i.
func listAt(i int) string { return at(i, "metadata.annotations["+listKey+"]") }

func TestAnSSPIsJudgedOnCreate(t *testing.T) {
	long := strings.Repeat("a", 60)
	fixed := func(list, source, more string) string {
		return templateOf("rhel10", list, spec("rhel10", source), more)
	}
	const accepted = "not one of amd64, arm64, s390x"
	for _, tc := range []struct {
		name string
		ssp  *unstructured.Unstructured
		want outcome
	}{
		{name: "the seed case is accepted", ssp: ssp("a", template("rhel10-image-cron", "amd64,arm64", "rhel10", ""))},
		{name: "templates without a list are left alone", ssp: ssp("a", template("rhel10-image-cron", "", "rhel10", ""), template("other", "", "other", ""))},
		{name: "an SSP without templates is left alone", ssp: ssp("a")},
		{name: "items are trimmed", ssp: ssp("a", template("rhel10", " amd64 ,\tarm64 ", "rhel10", ""))},
		{name: "every unknown item is named, with what was meant", ssp: ssp("a", template("rhel10", "x86_64,AMD64,aarch64,arm64/v8,linux/amd64,arn64,mips", "rhel10", "")), want: outcome{errors: []string{
			listAt(0) + `: Unsupported value: "x86_64": template "rhel10": ` + accepted + `; did you mean "amd64"?`,
			listAt(0) + `: Unsupported value: "AMD64": template "rhel10": ` + accepted + `; did you mean "amd64"?`,
			listAt(0) + `: Unsupported value: "aarch64": template "rhel10": ` + accepted + `; did you mean "arm64"?`,
			listAt(0) + `: Unsupported value: "arm64/v8": template "rhel10": ` + accepted + `; did you mean "arm64"?`,
			listAt(0) + `: Unsupported value: "linux/amd64": template "rhel10": ` + accepted + `; did you mean "amd64"?`,
			listAt(0) + `: Unsupported value: "arn64": template "rhel10": ` + accepted + `; did you mean "arm64"?`,
			listAt(0) + `: Unsupported value: "mips": template "rhel10": ` + accepted,
		}}},
		{name: "a duplicate is rejected", ssp: ssp("a", template("rhel10", "amd64, amd64", "rhel10", "")), want: outcome{errors: []string{
			listAt(0) + `: Duplicate value: "amd64": template "rhel10": listed 2 times; list it once`,
		}}},
		{name: "an empty item is rejected", ssp: ssp("a", template("rhel10", "amd64,,arm64", "rhel10", "")), want: outcome{errors: []string{
			listAt(0) + `: Invalid value: "": template "rhel10": item 2 of "amd64,,arm64" is empty; remove the extra comma`,
		}}},
		{name: "a trailing comma is rejected", ssp: ssp("a", template("rhel10", "amd64,", "rhel10", "")), want: outcome{errors: []string{
			listAt(0) + `: Invalid value: "": template "rhel10": item 2 of "amd64," is empty; remove the extra comma`,
		}}},
		{name: "a lone comma is rejected", ssp: ssp("a", template("rhel10", ",", "rhel10", "")), want: outcome{errors: []string{
			listAt(0) + `: Invalid value: "": template "rhel10": "," names no architecture; accepted: amd64, arm64, s390x`,
		}}},
		{name: "a list of spaces only is rejected", ssp: ssp("a", template("rhel10", "  ", "rhel10", "")), want: outcome{errors: []string{
			listAt(0) + `: Invalid value: "": template "rhel10": "  " names no architecture; accepted: amd64, arm64, s390x`,
		}}},
		{name: "mistakes of several templates are told at once", ssp: ssp("a", template("one", "aarch64", "one", ""), template("two", "amd64", "two", ""), template("three", ",", "three", "")), want: outcome{errors: []string{
			listAt(0) + `: Unsupported value: "aarch64": template "one": ` + accepted + `; did you mean "arm64"?`,
			listAt(2) + `: Invalid value: "": template "three": "," names no architecture; accepted: amd64, arm64, s390x`,
		}}},
		{name: "a suffixed name over 63 is rejected", ssp: ssp("a", template(long, "amd64", "rhel10", "")), want: outcome{errors: []string{
			at(0, "metadata.name") + `: Invalid value: "` + long + `": template "` + long + `": with "-amd64" it has 66 characters; at most 63`,
		}}},
		{name: "a suffixed DataSource over 63 is rejected", ssp: ssp("a", template("rhel10", "amd64", long, "")), want: outcome{errors: []string{
			at(0, "spec.managedDataSource") + `: Invalid value: "` + long + `": template "rhel10": with "-amd64" it has 66 characters; at most 63`,
		}}},
		{name: "a name that is no legal object name is rejected", ssp: ssp("a", template("RHEL_10", "amd64", "rhel10", "")), want: outcome{errors: []string{
			at(0, "metadata.name") + `: Invalid value: "RHEL_10": template "RHEL_10": with "-amd64" it is no legal object name: want lower-case letters, digits, '-' and '.', a letter or digit at both ends`,
		}}},
		{name: "a DataSource that is no legal label value is rejected", ssp: ssp("a", template("rhel10", "amd64", "rhel-", "")), want: outcome{errors: []string{
			at(0, "spec.managedDataSource") + `: Invalid value: "rhel-": template "rhel10": goes to label ` + baseKey + `, and is no legal label value: want letters, digits, '-', '_' and '.', a letter or digit at both ends, at most 63`,
		}}},
		{name: "a cut name that meets a plain template's is rejected", ssp: ssp("a", template("rhel10", "amd64", "one", ""), template("rhel10-amd64", "", "two", "")), want: outcome{errors: []string{
			at(1, "metadata.name") + `: Duplicate value: "rhel10-amd64": template "rhel10-amd64": template "rhel10" makes "rhel10-amd64" too`,
		}}},
		{name: "one name in two namespaces is accepted", ssp: ssp("a", template("rhel10", "amd64", "rhel10", ", namespace: elsewhere"), template("rhel10-amd64", "", "rhel10-amd64", ""))},
		{name: "no namespace is the golden images' namespace", ssp: ssp("a", template("rhel10", "", "one", ", namespace: kubevirt-os-images"), template("rhel10", "", "two", "")), want: outcome{errors: []string{
			at(1, "metadata.name") + `: Duplicate value: "rhel10": template "rhel10": template "rhel10" makes "rhel10" too`,
		}}},
		{name: "two that manage one DataSource are rejected", ssp: ssp("a", template("one", "amd64,arm64", "rhel10", ""), template("two", "arm64", "rhel10", "")), want: outcome{errors: []string{
			at(1, "spec.managedDataSource") + `: Duplicate value: "rhel10": template "two": template "one" needs DataSource "rhel10-arm64" too`,
		}}},
		{name: "a plain and a list template with one managedDataSource are rejected", ssp: ssp("a", template("one", "amd64", "rhel10", ""), template("two", "", "rhel10", "")), want: outcome{errors: []string{
			at(1, "spec.managedDataSource") + `: Duplicate value: "rhel10": template "two": template "one" needs DataSource "rhel10" too`,
		}}},
		{name: "a platform outside the list is rejected", ssp: ssp("a", fixed("amd64,arm64", registryOf("s390x"), "")), want: outcome{errors: []string{
			at(0, "spec.template.spec.source.registry.platform.architecture") + `: Invalid value: "s390x": template "rhel10": contradicts the list "amd64,arm64"; remove it`,
		}}},
		{name: "an architecture label outside the list is rejected", ssp: ssp("a", fixed("amd64,arm64", registry, labels(archKey, "s390x"))), want: outcome{errors: []string{
			at(0, "metadata.labels["+archKey+"]") + `: Invalid value: "s390x": template "rhel10": contradicts the list "amd64,arm64"; remove it`,
		}}},
		{name: "a base label of another DataSource is rejected", ssp: ssp("a", fixed("amd64", registry, labels(baseKey, "fedora"))), want: outcome{errors: []string{
			at(0, "metadata.labels["+baseKey+"]") + `: Invalid value: "fedora": template "rhel10": contradicts managedDataSource "rhel10"; remove it`,
		}}},
		{name: "a platform that is one of the list is warned about", ssp: ssp("a", fixed("amd64,arm64", registryOf("arm64"), "")), want: outcome{warnings: []string{
			`template "rhel10": platform.architecture: "arm64": set for each architecture of the list; remove it`,
		}}},
		{name: "an architecture without nodes is warned about", ssp: set(ssp("a", template("rhel10", "amd64,arm64,s390x", "rhel10", "")), map[string]any{"workloadArchitectures": []any{"amd64"}, "controlPlaneArchitectures": []any{"s390x"}}, "spec", "cluster"), want: outcome{warnings: []string{
			`template "rhel10": dict.architectures: "arm64": spec.cluster has no nodes of it`,
		}}},
		{name: "a source that is no registry is warned about", ssp: ssp("a", fixed("amd64,arm64", "http: {url: 'http://x.invalid/rhel10.qcow2'}", "")), want: outcome{warnings: []string{
			`template "rhel10": source: not a registry: every architecture imports the same bytes`,
		}}},
		{name: "a base that ends in an architecture is warned about", ssp: ssp("a", template("rhel10", "amd64", "rhel10-arm64", "")), want: outcome{warnings: []string{
			`template "rhel10": managedDataSource: "rhel10-arm64": ends in "arm64" already, and gets a suffix all the same`,
		}}},
		{name: "a name too long for CDI's CronJob is warned about", ssp: ssp("a", templateOf(long[:40], "amd64", spec("rhel10", "registry: {url: 'docker://x.invalid/rhel10'}"), "")), want: outcome{warnings: []string{
			`template "` + long[:40] + `": name: CDI's CronJob name for amd64 has 55 characters; at most 52`,
		}}},
		{name: "v1beta2 is judged by the same rules", ssp: set(ssp("a", template("rhel10", "arn64", "rhel10", "")), "ssp.kubevirt.io/v1beta2", "apiVersion"), want: outcome{errors: []string{
			listAt(0) + `: Unsupported value: "arn64": template "rhel10": ` + accepted + `; did you mean "arm64"?`,
		}, warnings: []string{"SSP v1beta2 is deprecated and will not be updated with new functionality. It will stop being served in the next version."}}},
		{name: "an SSP of HCO gets warnings only", ssp: set(ssp("a", template("rhel10", "arn64", "rhel10", "")), "hco-operator", "metadata", "labels", "app.kubernetes.io/managed-by"), want: outcome{warnings: []string{
			`template "rhel10": dict.architectures: "arn64": ` + accepted + `; did you mean "arm64"?`,
		}}},
		{name: "in an ignored namespace nothing is judged", ssp: set(ssp("a", template("rhel10", "arn64", "rhel10", "")), ignored, "metadata", "namespace")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, create(t, tc.ssp), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnSSPIsJudgedOnUpdate(t *testing.T) {
	typo := template("rhel10", "amd64,arn64", "rhel10", "")
	fine := template("fedora", "amd64", "fedora", "")
	unknown := func(value string) string {
		return fmt.Sprintf(`Unsupported value: %q: template "rhel10": not one of amd64, arm64, s390x`, value)
	}
	told := `template "rhel10": dict.architectures: "arn64": not one of amd64, arm64, s390x; did you mean "arm64"?`
	for i, tc := range []struct {
		name string
		new  []string
		want outcome
	}{
		{name: "what was wrong before is warned about", new: []string{typo, fine, template("new", "arm64", "new", "")}, want: outcome{warnings: []string{told}}},
		{name: "at another index too", new: []string{fine, typo}, want: outcome{warnings: []string{told}}},
		{name: "in a shortened array too", new: []string{typo}, want: outcome{warnings: []string{told}}},
		{name: "a new mistake is rejected, the old one warned about", new: []string{template("rhel10", "arn64,mips", "rhel10", ""), fine}, want: outcome{
			errors: []string{listAt(0) + ": " + unknown("mips")}, warnings: []string{told},
		}},
		{name: "the old mistake in another template is rejected", new: []string{typo, template("fedora", "arn64", "fedora", "")}, want: outcome{
			errors:   []string{listAt(1) + `: Unsupported value: "arn64": template "fedora": not one of amd64, arm64, s390x; did you mean "arm64"?`},
			warnings: []string{told},
		}},
		{name: "put right, it is quiet", new: []string{template("rhel10", "amd64,arm64", "rhel10", ""), fine}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			obj := stored(t, invalidSSP(i))
			obj.Object["spec"] = ssp("x", tc.new...).Object["spec"]
			if diff := cmp.Diff(tc.want, update(t, obj), cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACollisionFromBeforeStaysWritable(t *testing.T) {
	obj := stored(t, collidingSSP(0))
	one, two, three := template("one", "", "same", ""), template("two", "", "same", ""), template("three", "", "same", "")
	obj.Object["spec"] = ssp("x", three, two).Object["spec"]
	want := outcome{warnings: []string{`template "two": managedDataSource: template "three" needs DataSource "same" too`}}
	if diff := cmp.Diff(want, update(t, obj), cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("turned and shortened (-want +got):\n%s", diff)
	}
	obj = stored(t, obj)
	obj.Object["spec"] = ssp("x", one, two, three).Object["spec"]
	want = outcome{
		errors: []string{
			at(1, "spec.managedDataSource") + `: Duplicate value: "same": template "two": template "one" needs DataSource "same" too`,
			at(2, "spec.managedDataSource") + `: Duplicate value: "same": template "three": template "one" needs DataSource "same" too`,
		},
		warnings: []string{`template "three": managedDataSource: template "two" needs DataSource "same" too`},
	}
	if diff := cmp.Diff(want, update(t, obj), cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("with a third one (-want +got):\n%s", diff)
	}
}

// TestAnSSPThatComesToHCOAndGoes sets and removes the label by which HCO's SSPs
// have a webhook of their own. Always one of the two is called.
func TestAnSSPThatComesToHCOAndGoes(t *testing.T) {
	const own, hcos = "validate.ssp.dicer.dev", "validate.ssp-of-hco.dicer.dev"
	name := invalidSSP(10).GetName()
	for _, tc := range []struct {
		name, label, list, webhook string
		rejected                   bool
	}{
		{"a new mistake with the label that comes", "hco-operator", "mips", hcos, false},
		{"a new mistake with the label that stays", "hco-operator", "arm", hcos, false},
		{"a new mistake with the label that goes", "", "mips64", hcos, false},
		{"a new mistake without it", "", "ppc64", own, true},
		{"a new mistake with another program's label", "me", "mipsle", own, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			obj := stored(t, invalidSSP(10))
			obj.Object["spec"] = ssp("x", template("rhel10", tc.list, "rhel10", "")).Object["spec"]
			obj.SetLabels(nil)
			if tc.label != "" {
				obj.SetLabels(map[string]string{"app.kubernetes.io/managed-by": tc.label})
			}
			before := len(auditEvents(t, name))
			got := update(t, obj)
			if (len(got.errors) > 0) != tc.rejected || (len(got.warnings) > 0) == tc.rejected {
				t.Errorf("got %+v; want it rejected: %t", got, tc.rejected)
			}
			events := auditEvents(t, name)[before:]
			if len(events) != 1 || fmt.Sprint(events[0].calledWebhooks()) != "["+tc.webhook+"]" {
				t.Errorf("events %+v; want one, that called %s alone", events, tc.webhook)
			}
		})
	}
}
