package arch

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// findingKey is what makes two findings the same: neither the index of a
// template nor the text counts.
type findingKey struct {
	rule    Rule
	subject Subject
	value   string
}

func (f Finding) key() findingKey { return findingKey{f.Rule, f.Subject, f.Value} }

// Since turns errors that the old object had too into warnings: an object that
// was invalid before stays writable.
func (fs Findings) Since(old Findings) Findings {
	known := make(map[findingKey]bool, len(old))
	for _, f := range old {
		known[f.key()] = true
	}
	out := make(Findings, len(fs))
	for i, f := range fs {
		if f.Severity == Error && known[f.key()] {
			f.Severity = Warning
		}
		out[i] = f
	}
	return out
}

// ValidateTemplatesUpdate is ValidateTemplates for an update: errors that the
// old templates had too, wherever they stood, are warnings. A collision is the
// same where the same two templates collided before.
func (r Rules) ValidateTemplatesUpdate(ts, old Templates, path *field.Path) Findings {
	before, lists := r.validateEach(Templates{Items: old.Items, NoSpace: old.NoSpace}, path)
	collided := map[Rule]history{}
	for _, rule := range collisionRules {
		h := make(history, len(old.Others)+len(old.Items))
		for i, t := range slices.Concat(old.Others, old.Items) {
			h.add(r.templateSubject(&t), rule.claims(r, &t, r.listOf(old, lists, i)))
		}
		collided[rule.rule] = h
	}
	// Many templates may have the same two names, and are looked up once. Where
	// there are many names, each has few claims and is looked up quickly.
	pairs := make(map[pairKey]bool)
	findings, lists := r.validateEach(ts, path)
	return append(findings.Since(before), r.collisions(ts, lists, path, func(key pairKey) bool {
		was, ok := pairs[key]
		if !ok {
			was = collided[key.rule].collide(key.subject, key.other)
			if len(pairs) < maxPairs {
				pairs[key] = was
			}
		}
		return was
	})...)
}

// pairKey is what makes two collisions the same.
type pairKey struct {
	rule           Rule
	subject, other Subject
}

// history holds, for each template of the old object by its name, how often
// its templates of that name claimed each name: as theirs, and as a pointer.
// Indexes are left out: an array may be reordered and shortened.
type history map[Subject]map[claim]tally

type tally struct{ own, pointer int }

func (h history) add(subject Subject, cs claims) {
	if h[subject] == nil {
		h[subject] = make(map[claim]tally)
	}
	for _, c := range cs {
		key := claim{namespace: c.namespace, name: c.name}
		n := h[subject][key]
		if c.pointer {
			n.pointer++
		} else {
			n.own++
		}
		h[subject][key] = n
	}
}

// collide tells whether a template of one name collided with one of the other.
func (h history) collide(subject, other Subject) bool {
	for key, mine := range h[subject] {
		if subject == other {
			if mine.own > 1 || (mine.own > 0 && mine.pointer > 0) {
				return true
			}
			continue
		}
		theirs := h[other][key]
		if mine.own > 0 && theirs.own+theirs.pointer > 0 || mine.pointer > 0 && theirs.own > 0 {
			return true
		}
	}
	return false
}
