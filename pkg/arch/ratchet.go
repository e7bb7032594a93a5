package arch

import "k8s.io/apimachinery/pkg/util/validation/field"

// findingKey is what makes two findings the same: neither the index of a
// template nor the text counts.
type findingKey struct {
	rule    Rule
	subject Subject
	value   string
}

func (f Finding) key() findingKey { return findingKey{f.Rule, f.Subject, f.Value} }

// isPair tells whether the finding is about two templates.
func (f Finding) isPair() bool { return f.Other != Subject{} }

// Since turns errors that the old object had too into warnings: an object that
// was invalid before stays writable.
func (fs Findings) Since(old Findings) Findings {
	known := make(map[findingKey]bool, len(old))
	for _, f := range old {
		known[f.key()] = true
	}
	return fs.ratchet(func(f Finding) bool { return known[f.key()] })
}

// ValidateTemplatesUpdate is ValidateTemplates for an update: errors that the
// old templates had too, wherever they stood, are warnings. A collision is the
// same where the same two templates collided before.
func (r Rules) ValidateTemplatesUpdate(templates, old []DataImportCron, nodes []Arch, path *field.Path) Findings {
	findings := r.ValidateTemplates(templates, nodes, path)
	if !findings.HasErrors() {
		return findings
	}
	known := make(map[findingKey]bool)
	collided := map[Rule]history{RuleNameCollision: {}, RuleDataSourceCollision: {}}
	for i := range old {
		t, subject := &old[i], r.templateSubject(&old[i])
		list, fs := r.validateTemplate(t, nil, path.Index(i))
		for _, f := range fs.about(subject) {
			known[f.key()] = true
		}
		for _, rule := range collisionRules {
			collided[rule.rule].add(subject, rule.claims(r, t, list))
		}
	}
	// Many findings may be about the same two names.
	pairs := make(map[pairKey]bool)
	return findings.ratchet(func(f Finding) bool {
		if !f.isPair() {
			return known[f.key()]
		}
		key := pairKey{f.Rule, f.Subject, f.Other}
		was, ok := pairs[key]
		if !ok {
			was = collided[f.Rule].collide(f.Subject, f.Other)
			pairs[key] = was
		}
		return was
	})
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

func (fs Findings) ratchet(known func(Finding) bool) Findings {
	out := make(Findings, len(fs))
	for i, f := range fs {
		if f.Severity == Error && known(f) {
			f.Severity = Warning
		}
		out[i] = f
	}
	return out
}
