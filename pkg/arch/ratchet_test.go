package arch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestAnUpdateRejectsOnlyWhatIsNew(t *testing.T) {
	good := template("good", "amd64", "good", "")
	broken := template("broken", "amd64,arn64", "broken", "")
	plainA, plainB, plainC := template("a", "", "same", ""), template("b", "", "same", ""), template("c", "", "same", "")
	for name, tc := range map[string]struct {
		old, new []string
		errors   []string
	}{
		"the same finding":                           {old: []string{broken}, new: []string{broken}},
		"at another index":                           {old: []string{good, broken}, new: []string{broken, good}},
		"in a shortened array":                       {old: []string{good, broken}, new: []string{broken}},
		"beside another change":                      {old: []string{broken}, new: []string{template("broken", "arn64,s390x", "other", "")}},
		"a new item":                                 {old: []string{broken}, new: []string{template("broken", "amd64,arn64,mips", "broken", "")}, errors: []string{"unknown-architecture mips"}},
		"the same value under another rule":          {old: []string{broken}, new: []string{template("broken", "arn64,arn64", "broken", "")}, errors: []string{"duplicate-architecture arn64"}},
		"the same value in another template":         {old: []string{broken}, new: []string{template("renamed", "amd64,arn64", "broken", "")}, errors: []string{"unknown-architecture arn64"}},
		"the same name in another namespace":         {old: []string{broken}, new: []string{template("broken", "amd64,arn64", "broken", ", namespace: elsewhere")}, errors: []string{"unknown-architecture arn64"}},
		"the default namespace written out":          {old: []string{broken}, new: []string{template("broken", "amd64,arn64", "broken", ", namespace: kubevirt-os-images")}},
		"the same pair":                              {old: []string{plainA, plainB}, new: []string{plainA, plainB}},
		"the same pair, turned":                      {old: []string{plainA, plainB}, new: []string{plainB, plainA}},
		"what is left of three":                      {old: []string{plainA, plainB, plainC}, new: []string{plainC, plainB}},
		"the same pair over another name":            {old: []string{plainA, plainB}, new: []string{template("b", "", "x", ""), template("a", "", "x", "")}},
		"a third one":                                {old: []string{plainA, plainB}, new: []string{plainB, plainC, plainA}, errors: []string{"datasource-collision same", "datasource-collision same"}},
		"the same pair under the other rule":         {old: []string{plainA, plainB}, new: []string{plainA, template("a", "", "y", "")}, errors: []string{"name-collision a"}},
		"two of one name that collided before":       {old: []string{plainA, plainA}, new: []string{plainA, plainA}},
		"a second of one name is new":                {old: []string{plainA}, new: []string{plainA, plainA}, errors: []string{"name-collision a", "datasource-collision same"}},
		"a typo put right that hid nothing":          {old: []string{template("a", "arn64", "x", ""), template("b", "", "x", "")}, new: []string{template("a", "arm64", "x", ""), template("b", "", "x", "")}},
		"a list without a name of its own":           {old: []string{template("a", "amd64,ppc64le", "x-", "")}, new: []string{template("a", "amd64", "x-", "")}},
		"all templates appear at once":               {new: []string{broken, plainA, plainB}, errors: []string{"unknown-architecture arn64", "datasource-collision same"}},
		"a list that appears over a platform":        {old: []string{good}, new: []string{template("good", "amd64", "good", ", labels: {template.kubevirt.io/architecture: arm64}")}, errors: []string{"architecture-label-contradiction arm64"}},
		"a contradiction whose list changed is same": {old: []string{template("good", "amd64", "good", ", labels: {template.kubevirt.io/architecture: arm64}")}, new: []string{template("good", "s390x", "good", ", labels: {template.kubevirt.io/architecture: arm64}")}},
	} {
		t.Run(name, func(t *testing.T) {
			findings := Rules{}.ValidateTemplatesUpdate(Templates{Items: views(t, tc.new...)}, Templates{Items: views(t, tc.old...)}, field.NewPath("t"))
			var got []string
			for _, f := range findings {
				if f.Severity == Error {
					got = append(got, string(f.Rule)+" "+f.Value)
				}
			}
			if diff := cmp.Diff(tc.errors, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			all := Rules{}.ValidateTemplates(Templates{Items: views(t, tc.new...)}, field.NewPath("t"))
			if len(all) != len(findings) {
				t.Errorf("%d findings of %d are left; want all, as errors or warnings", len(findings), len(all))
			}
		})
	}
}

// TestTheRatchetStaysQuickOnManyTemplatesOfOneName has as many pairs as can be:
// a cubic comparison would take minutes.
func TestTheRatchetStaysQuickOnManyTemplatesOfOneName(t *testing.T) {
	const count = 2000
	var old, updated []DataImportCron
	for i := range count {
		old = append(old, *view(t, template("a", "amd64,arm64", fmt.Sprint("x", i), "")))
		updated = append(updated, *view(t, template("a", "amd64,arm64", "x", "")))
	}
	findings := Rules{}.ValidateTemplatesUpdate(Templates{Items: updated}, Templates{Items: old}, field.NewPath("t"))
	known, fresh := 0, 0
	for _, f := range findings {
		switch {
		case f.Rule == RuleNameCollision && f.Severity == Warning:
			known++
		case f.Rule == RuleDataSourceCollision && f.Severity == Error:
			fresh++
		default:
			t.Fatalf("%+v", f)
		}
	}
	if known == 0 || fresh == 0 {
		t.Errorf("%d known and %d new; want both", known, fresh)
	}
}

// TestManyKnownCollisionsHideNoNewOne: y comes to a name that x shares, and x
// shares another with many already.
func TestManyKnownCollisionsHideNoNewOne(t *testing.T) {
	var known []string
	for i := range 2 * 16 {
		known = append(known, template(fmt.Sprint("t", i), "", "s-amd64", ""))
	}
	x := template("x", "amd64,arm64", "s", "")
	old := append(slices.Clone(known), template("y", "", "other", ""), x)
	updated := append(slices.Clone(known), template("y", "", "s-arm64", ""), x)
	findings := Rules{}.ValidateTemplatesUpdate(Templates{Items: views(t, updated...)}, Templates{Items: views(t, old...)}, field.NewPath("t"))
	var got []string
	for _, f := range findings.Of(Error) {
		got = append(got, f.Message())
	}
	want := []string{`template "x": managedDataSource: "s": template "y" needs DataSource "s-arm64" too`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
