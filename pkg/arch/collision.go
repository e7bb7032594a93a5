package arch

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// An object of 10,000 equal templates would have 50 million collisions.
const (
	// maxPairs bounds those that are reported as errors, and as warnings, for
	// one object and rule.
	maxPairs = 1000
	// maxComparisons bounds the search for them. 1,000 templates that need one
	// name are compared to the last.
	maxComparisons = 1 << 20
)

// claim is a name that only one template may have, with the namespace.
type claim struct {
	namespace, name string
	// pointer marks the DataSource with the plain name, which the SSP operator
	// and fan-out point to the default architecture's: two list templates may
	// share it, a list template and a managed DataSource may not.
	pointer bool
}

// claims are the names of one template under one rule.
type claims []claim

// shared returns the names over which the two templates collide.
func (c claims) shared(other claims) []string {
	var names []string
	for _, mine := range c {
		if slices.ContainsFunc(other, mine.collides) && !slices.Contains(names, mine.name) {
			names = append(names, mine.name)
		}
	}
	return names
}

func (c claims) collides(other claims) bool {
	return slices.ContainsFunc(c, func(mine claim) bool { return slices.ContainsFunc(other, mine.collides) })
}

func (c claim) collides(other claim) bool {
	return c.namespace == other.namespace && c.name == other.name && !(c.pointer && other.pointer)
}

// nameClaims are the DataImportCrons that a template makes.
func (r Rules) nameClaims(t *DataImportCron, list []Arch) claims {
	return r.suffixed(t, t.Metadata.Name, list)
}

// dataSourceClaims are the DataSources that a template's DataImportCrons
// manage, and the plain one of a list template.
func (r Rules) dataSourceClaims(t *DataImportCron, list []Arch) claims {
	cs := r.suffixed(t, t.Spec.ManagedDataSource, list)
	if t.Metadata.Annotations[ListAnnotation] != "" && t.Spec.ManagedDataSource != "" {
		cs = append(cs, claim{r.namespace(t), t.Spec.ManagedDataSource, true})
	}
	return cs
}

// suffixed claims a name for each architecture; plain for a template without
// a list, nothing for a list without a valid item.
func (r Rules) suffixed(t *DataImportCron, name string, list []Arch) claims {
	if name == "" {
		return nil
	}
	if t.Metadata.Annotations[ListAnnotation] == "" {
		return claims{{namespace: r.namespace(t), name: name}}
	}
	cs := make(claims, 0, len(list)+1)
	for _, a := range list {
		cs = append(cs, claim{namespace: r.namespace(t), name: name + a.Suffix()})
	}
	return cs
}

// collisionRule is one kind of name that templates may not share.
type collisionRule struct {
	rule   Rule
	path   func(template *field.Path) *field.Path
	value  func(*DataImportCron) string
	claims func(Rules, *DataImportCron, []Arch) claims
	// text names the other template, and what is shared.
	text string
}

var collisionRules = []collisionRule{
	{
		rule:   RuleNameCollision,
		path:   func(t *field.Path) *field.Path { return t.Child("metadata", "name") },
		value:  func(t *DataImportCron) string { return t.Metadata.Name },
		claims: Rules.nameClaims,
		text:   "%s makes %s too",
	},
	{
		rule:   RuleDataSourceCollision,
		path:   func(t *field.Path) *field.Path { return t.Child("spec", "managedDataSource") },
		value:  func(t *DataImportCron) string { return t.Spec.ManagedDataSource },
		claims: Rules.dataSourceClaims,
		text:   "%s needs DataSource %s too",
	},
}

// collisions reports each pair of templates that end at one DataImportCron or
// one DataSource, at the later of the two. The others come before all: they are not
// the object's, so a pair of them is nobody's fault here. known tells of a pair that
// collided in the old object too: that is a warning.
func (r Rules) collisions(ts Templates, lists [][]Arch, path *field.Path, known func(pairKey) bool) Findings {
	all := slices.Concat(ts.Others, ts.Items)
	subjects := make([]Subject, len(all))
	for i := range all {
		subjects[i] = r.templateSubject(&all[i])
	}
	var findings Findings
	for _, rule := range collisionRules {
		names := make([]claims, len(all))
		for i := range all {
			names[i] = rule.claims(r, &all[i], r.listOf(ts, lists, i))
		}
		count := make(map[Severity]int)
		forEachPair(names, func(later, earlier int) {
			if later < len(ts.Others) {
				return
			}
			severity := Error
			if known(pairKey{rule.rule, subjects[later], subjects[earlier]}) {
				severity = Warning
			}
			if count[severity]++; count[severity] > maxPairs {
				return
			}
			t := &all[later]
			f := newError(rule.rule, field.ErrorTypeDuplicate, rule.path(path.Index(later-len(ts.Others))),
				rule.value(t), rule.text, subjects[earlier], quoted(names[later].shared(names[earlier])))
			f.Severity, f.Subject, f.Other = severity, subjects[later], subjects[earlier]
			findings = append(findings, f)
		})
	}
	return findings
}

// listOf is the list of a template by its place behind the others.
func (r Rules) listOf(ts Templates, lists [][]Arch, i int) []Arch {
	if i >= len(ts.Others) {
		return lists[i-len(ts.Others)]
	}
	list, _ := ParseList(ts.Others[i].Metadata.Annotations[ListAnnotation], r.accepted(), nil)
	return list
}

// forEachPair visits each two that collide once, the later index first. It
// compares only those that share a name.
func forEachPair(all []claims, visit func(later, earlier int)) {
	owners := make(map[claim][]int, len(all))
	comparisons := 0
	for i, cs := range all {
		var seen map[int]bool // nearly always empty
		for _, c := range cs {
			key := claim{namespace: c.namespace, name: c.name}
			for _, earlier := range owners[key] {
				if comparisons++; comparisons > maxComparisons {
					return
				}
				if earlier != i && !seen[earlier] && cs.collides(all[earlier]) {
					if seen == nil {
						seen = make(map[int]bool)
					}
					seen[earlier] = true
					visit(i, earlier)
				}
			}
			owners[key] = append(owners[key], i)
		}
	}
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", shorten(n))
	}
	return strings.Join(out, ", ")
}
