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
func (r Rules) ValidateTemplatesUpdate(templates, old []DataImportCron, nodes Architectures, path *field.Path) Findings {
	findings := r.ValidateTemplates(templates, nodes, path)
	if !findings.HasErrors() {
		return findings
	}
	known := make(map[findingKey]bool)
	collided := map[Rule]map[Subject][]claims{RuleNameCollision: {}, RuleDataSourceCollision: {}}
	for i := range old {
		t, subject := &old[i], r.templateSubject(&old[i])
		list, fs := r.validateTemplate(t, nodes, path.Index(i))
		for _, f := range fs.about(subject) {
			known[f.key()] = true
		}
		for _, rule := range collisionRules {
			m := collided[rule.rule]
			m[subject] = append(m[subject], rule.claims(r, t, list))
		}
	}
	return findings.ratchet(func(f Finding) bool {
		if !f.isPair() {
			return known[f.key()]
		}
		m := collided[f.Rule]
		return anyCollide(m[f.Subject], m[f.Other], f.Subject == f.Other)
	})
}

// anyCollide tells whether a member of one side collides with one of the
// other; same says that both sides are the same templates.
func anyCollide(side, other []claims, same bool) bool {
	for i, a := range side {
		for j, b := range other {
			if (!same || i != j) && len(a.shared(b)) > 0 {
				return true
			}
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
