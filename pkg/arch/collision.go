package arch

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxPairs bounds the collisions reported for one template and rule: an object
// of 1,000 equal templates would have half a million pairs.
const maxPairs = 16

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
		for _, theirs := range other {
			same := mine.namespace == theirs.namespace && mine.name == theirs.name
			if same && !(mine.pointer && theirs.pointer) && !slices.Contains(names, mine.name) {
				names = append(names, mine.name)
			}
		}
	}
	return names
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
	text   string
}

var collisionRules = []collisionRule{
	{
		rule:   RuleNameCollision,
		path:   func(t *field.Path) *field.Path { return t.Child("metadata", "name") },
		value:  func(t *DataImportCron) string { return t.Metadata.Name },
		claims: Rules.nameClaims,
		text:   "makes DataImportCron %s, and so does %s",
	},
	{
		rule:   RuleDataSourceCollision,
		path:   func(t *field.Path) *field.Path { return t.Child("spec", "managedDataSource") },
		value:  func(t *DataImportCron) string { return t.Spec.ManagedDataSource },
		claims: Rules.dataSourceClaims,
		text:   "needs DataSource %s, and so does %s",
	},
}

// collisions reports each pair of templates that end at one DataImportCron or
// one DataSource, at the later of the two.
func (r Rules) collisions(templates []DataImportCron, lists [][]Arch, path *field.Path) Findings {
	var findings Findings
	for _, rule := range collisionRules {
		all := make([]claims, len(templates))
		for i := range templates {
			all[i] = rule.claims(r, &templates[i], lists[i])
		}
		for later, earlier := range collidingPairs(all) {
			for _, first := range earlier {
				t, other := &templates[later], &templates[first]
				f := newError(rule.rule, field.ErrorTypeDuplicate, rule.path(path.Index(later)),
					rule.value(t), rule.text, quoted(all[later].shared(all[first])), r.templateSubject(other))
				f.Subject, f.Other = r.templateSubject(t), r.templateSubject(other)
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// collidingPairs returns, for each index, the earlier ones that it collides
// with, maxPairs at most. It compares only those that share a name.
func collidingPairs(all []claims) [][]int {
	pairs := make([][]int, len(all))
	owners := make(map[claim][]int, len(all))
	for i, cs := range all {
		for _, c := range cs {
			key := claim{namespace: c.namespace, name: c.name}
			for _, first := range owners[key] {
				if len(pairs[i]) == maxPairs {
					break
				}
				if !slices.Contains(pairs[i], first) && len(cs.shared(all[first])) > 0 {
					pairs[i] = append(pairs[i], first)
				}
			}
			if o := owners[key]; len(o) == 0 || o[len(o)-1] != i {
				owners[key] = append(o, i)
			}
		}
	}
	return pairs
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", shorten(n))
	}
	return strings.Join(out, ", ")
}
