package fanout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// tmpl is a template in few words: a registry's image for a DataSource.
func tmpl(name, list, dataSource, image string) string {
	annotations := ""
	if list != "" {
		annotations = fmt.Sprintf("annotations: {ssp.kubevirt.io/dict.architectures: %q}, ", list)
	}
	return fmt.Sprintf("{metadata: {%sname: %s}, spec: {managedDataSource: %s, template: {spec: {source: {registry: {url: %q}}}}}}",
		annotations, name, dataSource, image)
}

func planOf(t *testing.T, all bool, templates ...string) *plan {
	t.Helper()
	ssp := parse(t, fmt.Sprintf("{apiVersion: ssp.kubevirt.io/v1beta3, kind: SSP, metadata: {name: ssp, namespace: kubevirt, uid: u}, spec: {commonTemplates: {dataImportCronTemplates: [%s]}}}",
		strings.Join(templates, ", ")))
	planner := &Planner{All: all, Namespaces: map[string]bool{"kubevirt-os-images": true}}
	return planner.plan(&unstructured.Unstructured{Object: ssp})
}

// standing are the records after what these templates ask for was made.
func standing(t *testing.T, all bool, templates ...string) map[types.NamespacedName]record {
	t.Helper()
	out := map[types.NamespacedName]record{}
	p := planOf(t, all, templates...)
	p.choose(nil)
	for _, it := range p.items {
		if it.problem == nil {
			known, own := recordOf(it.object)
			if !own {
				t.Fatalf("%v is not dicer's own", it.object)
			}
			out[it.key] = known
		}
	}
	return out
}

// chosen gives each item as "name of template [reason]", sorted by name, and
// then each pointer as "name -> target [reason]".
func chosen(p *plan) []string {
	var out []string
	for _, it := range p.items {
		out = append(out, it.key.Name+" of "+it.template+problemOf(it.problem))
	}
	slices.Sort(out)
	for _, d := range p.pointers {
		out = append(out, d.key.Name+" -> "+d.target+problemOf(d.problem))
	}
	return out
}

func problemOf(n *note) string {
	if n == nil {
		return ""
	}
	return " " + string(n.reason)
}

func TestChoose(t *testing.T) {
	list, plain := tmpl("a", "amd64", "a", "x"), tmpl("a-amd64", "", "plain", "y")
	one, two := tmpl("one", "amd64", "same", "x"), tmpl("two", "amd64", "same", "y")
	first, second := tmpl("same", "amd64", "first", "x"), tmpl("same", "amd64", "second", "y")
	plainOne, listOfIt := tmpl("one", "", "same", "x"), tmpl("two", "amd64", "same", "y")
	for name, tc := range map[string]struct {
		all              bool
		stands, template []string
		want             []string
	}{
		"nothing collides":                                      {template: []string{tmpl("a", "amd64,arm64", "a", "x"), tmpl("b", "arm64", "b", "x")}, want: []string{"a-amd64 of a", "a-arm64 of a", "b-arm64 of b"}},
		"one name: the first template has it":                   {all: true, template: []string{list, plain}, want: []string{"a-amd64 of a", "a -> a-amd64"}},
		"one name, the other way round":                         {all: true, template: []string{plain, list}, want: []string{"a-amd64 of a-amd64", "a -> a-amd64"}},
		"one name: what stands stays":                           {all: true, stands: []string{plain}, template: []string{list, plain}, want: []string{"a-amd64 of a-amd64", "a -> a-amd64"}},
		"one name: what stands stays, reversed":                 {all: true, stands: []string{list}, template: []string{plain, list}, want: []string{"a-amd64 of a", "a -> a-amd64"}},
		"one name: the plain one is the SSP operator's":         {template: []string{list, plain}, want: []string{"a-amd64 of a DuplicateName"}},
		"one name: what stands beside the operator's":           {stands: []string{list}, template: []string{plain, list}, want: []string{"a-amd64 of a"}},
		"one template name twice: the first":                    {template: []string{first, second}, want: []string{"same-amd64 of same"}},
		"one DataSource: the first template has it":             {template: []string{one, two}, want: []string{"one-amd64 of one", "two-amd64 of two DuplicateDataSource"}},
		"one DataSource, the other way round":                   {template: []string{two, one}, want: []string{"one-amd64 of one DuplicateDataSource", "two-amd64 of two"}},
		"one DataSource: what stands stays":                     {stands: []string{two}, template: []string{one, two}, want: []string{"one-amd64 of one DuplicateDataSource", "two-amd64 of two"}},
		"one DataSource, for different architectures":           {template: []string{tmpl("one", "amd64", "same", "x"), tmpl("two", "arm64", "same", "x")}, want: []string{"one-amd64 of one", "two-arm64 of two"}},
		"a suffixed DataSource is the operator's":               {template: []string{one, tmpl("p", "", "same-amd64", "x")}, want: []string{"one-amd64 of one DuplicateDataSource"}},
		"a suffixed DataSource of both kinds":                   {all: true, template: []string{tmpl("p", "", "same-amd64", "x"), one}, want: []string{"one-amd64 of one DuplicateDataSource", "p of p", "same -> same-amd64"}},
		"two list templates share a pointer":                    {all: true, template: []string{one, two}, want: []string{"one-amd64 of one", "two-amd64 of two DuplicateDataSource", "same -> same-amd64"}},
		"a pointer where a plain template manages a DataSource": {all: true, template: []string{listOfIt, plainOne}, want: []string{"one of one", "two-amd64 of two", "same -> same-amd64 DuplicateDataSource"}},
		"pointers only where all templates are made":            {template: []string{listOfIt}, want: []string{"two-amd64 of two"}},
		"a name too long holds no DataSource":                   {template: []string{tmpl(strings.Repeat("a", 60), "amd64", "same", "x"), two}, want: []string{strings.Repeat("a", 60) + "-amd64 of " + strings.Repeat("a", 60) + " InvalidTemplate", "two-amd64 of two"}},
	} {
		t.Run(name, func(t *testing.T) {
			have := standing(t, tc.all, tc.stands...)
			p := planOf(t, tc.all, tc.template...)
			p.choose(have)
			if diff := cmp.Diff(tc.want, chosen(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, it := range p.items {
				if ok, asked := p.asked[objectKey{kindDataImportCron, it.key}]; !asked || ok != (it.problem == nil) {
					t.Errorf("%s is asked %t, can be made %t; problem %v", it, asked, ok, it.problem)
				}
			}
		})
	}
}

// TestWhatStandsStaysWhateverTheOrder: both orders of every pair, each after
// the other has been made.
func TestWhatStandsStaysWhateverTheOrder(t *testing.T) {
	for name, pair := range map[string][2]string{
		"names":           {tmpl("a", "amd64,arm64", "a", "x"), tmpl("a-amd64", "", "plain", "y")},
		"template names":  {tmpl("same", "amd64", "first", "x"), tmpl("same", "amd64", "second", "y")},
		"DataSources":     {tmpl("one", "amd64,s390x", "same", "x"), tmpl("two", "s390x,arm64", "same", "y")},
		"suffixed source": {tmpl("one", "amd64", "same", "x"), tmpl("two", "", "same-amd64", "y")},
	} {
		t.Run(name, func(t *testing.T) {
			for _, alone := range pair {
				have := standing(t, true, alone)
				for _, order := range [][]string{{pair[0], pair[1]}, {pair[1], pair[0]}} {
					p := planOf(t, true, order...)
					p.choose(have)
					kept := map[types.NamespacedName]record{}
					for _, it := range p.items {
						if known, ok := have[it.key]; ok && it.problem == nil && known.hash == it.hash && known.template == it.template {
							kept[it.key] = known
						}
					}
					if diff := cmp.Diff(have, kept, cmp.AllowUnexported(record{})); diff != "" {
						t.Errorf("%s stood; beside %s (-stood +stays):\n%s", alone, order, diff)
					}
				}
			}
		})
	}
}

func TestACollisionIsToldWithBothNames(t *testing.T) {
	p := planOf(t, false, tmpl("one", "amd64", "same", "x"), tmpl("two", "amd64", "same", "y"), tmpl("dup", "amd64", "d", "x"), tmpl("dup", "amd64", "d", "y"))
	p.choose(nil)
	var told []string
	for _, it := range p.items {
		if it.problem != nil {
			told = append(told, it.problem.String())
		}
	}
	for _, n := range p.notes {
		told = append(told, n.String())
	}
	want := []string{
		`DataImportCron kubevirt-os-images/two-amd64: DataImportCron kubevirt-os-images/one-amd64 manages DataSource "same-amd64" too`,
		`DataImportCron kubevirt-os-images/dup-amd64: templates "dup" and "dup" both make it; that of "dup" stands`,
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
