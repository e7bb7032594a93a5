package arch

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Declaration is what a DataImportCron says of its own architecture, by its
// architecture label or a list with exactly one item, and what the rules say
// of that.
type Declaration struct {
	// Arch is empty where nothing is declared, or nothing that is accepted.
	Arch Arch
	// Findings are what contradicts the declaration. Nothing declared, nothing
	// found, but for a list that belongs elsewhere.
	Findings Findings

	object *DataImportCron
	// base is the managed DataSource's name before the suffix.
	base string
	// list holds the valid items of the list, whether they declare or not.
	list []Arch
}

// Declaration judges a DataImportCron, complete or not.
func (r Rules) Declaration(d *DataImportCron) Declaration {
	decl := Declaration{object: d}
	r.readDeclaration(&decl)
	if decl.Arch != "" {
		r.readBase(&decl)
		decl.checkPlatform()
		decl.checkName()
	}
	decl.Findings.about(d.subject())
	return decl
}

func (decl *Declaration) report(f Finding) { decl.Findings = append(decl.Findings, f) }

// readDeclaration reads label and list. The label decides where both are
// there; the list has to hold it then.
func (r Rules) readDeclaration(decl *Declaration) {
	value := decl.object.Metadata.Annotations[ListAnnotation]
	list, findings := ParseList(value, r.accepted(), listPath(nil))
	decl.list, decl.Findings = list, findings
	label, labelled := decl.object.Metadata.Labels[ArchitectureLabel]
	switch {
	case labelled && !r.accepted().Has(Arch(label)):
		f := newError(RuleUnknownLabel, field.ErrorTypeNotSupported, labelPath(nil, ArchitectureLabel), label, "%s", notOneOf(r.accepted()))
		f.suggest(r.accepted())
		decl.report(f)
	case labelled:
		decl.Arch = Arch(label)
		if len(findings) == 0 && len(list) > 0 && !Architectures(list).Has(decl.Arch) {
			decl.report(newError(RuleListContradiction, field.ErrorTypeInvalid, listPath(nil), value,
				"contradicts architecture label %q", label))
		}
	case strings.Contains(value, ","):
		// A list of several declares nothing, so nothing can be wrong with it.
		decl.Findings = append(findings.AsWarnings(), newWarning(RuleListOnDIC, listPath(nil), value,
			"untouched; such a list belongs in an SSP template"))
	case len(list) == 1:
		decl.Arch = list[0]
	}
}

// readBase finds the managed DataSource's name without suffix: the base label,
// else managedDataSource without the suffix.
func (r Rules) readBase(decl *Declaration) {
	a := decl.Arch
	name, path := decl.object.Spec.ManagedDataSource, field.NewPath("spec", "managedDataSource")
	base := decl.object.Metadata.Labels[BaseLabel]
	labelled := base != ""
	if !labelled {
		base = strings.TrimSuffix(name, a.Suffix())
	}
	decl.base = base
	if other, ok := r.accepted().suffixOf(name); ok && other != a {
		decl.report(newError(RuleDataSourceSuffix, field.ErrorTypeInvalid, path, name,
			"ends in another architecture than %q", string(a)))
		return
	}
	suffixed := base + a.Suffix()
	switch {
	case labelled && name != base && name != suffixed:
		decl.report(newError(RuleBaseLabel, field.ErrorTypeInvalid, labelPath(nil, BaseLabel), base,
			"does not fit managedDataSource %q; accepted: %q or %q", shorten(name), shorten(base), shorten(suffixed)))
	case base == "":
		decl.report(newError(RuleDataSourceName, field.ErrorTypeRequired, path, name, "must name a DataSource"))
	case len(suffixed) > maxNameLength:
		decl.report(newError(RuleDataSourceName, field.ErrorTypeInvalid, path, name,
			"with %q it has %d characters; at most %d", a.Suffix(), len(suffixed), maxNameLength))
	default:
		decl.Findings = append(decl.Findings, baseLabelValue(path, name, base)...)
	}
}

func (decl *Declaration) checkPlatform() {
	if platform := decl.object.Platform(); platform != "" && platform != string(decl.Arch) {
		decl.report(newError(RulePlatform, field.ErrorTypeInvalid, platformFieldPath(nil), platform,
			"contradicts the declared architecture %q", string(decl.Arch)))
	}
}

func (decl *Declaration) checkName() {
	name, path := decl.object.Metadata.Name, field.NewPath("metadata", "name")
	if len(name) > maxNameLength {
		decl.report(newError(RuleName, field.ErrorTypeInvalid, path, name, "has %d characters; at most %d", len(name), maxNameLength))
	}
	// With a generateName there is no name before admission.
	if name != "" && !decl.object.hasSuffixedName(decl.Arch) {
		decl.report(newWarning(RuleNameWithoutSuffix, path, name, "does not end in %q, as the SSP operator's and dicer's do", decl.Arch.Suffix()))
	}
}

// Completion returns the patch that completes the object on CREATE, and the
// warnings about what the patch does. Both are empty where nothing is
// declared, all is complete, or there is an error.
func (decl Declaration) Completion() ([]Operation, Findings) {
	if decl.Arch == "" || decl.Findings.HasErrors() {
		return nil, nil
	}
	return complete(decl.object, decl.Arch, decl.base), decl.completionWarnings()
}

// CompletionOver is Completion for UPDATE: only where the old object was
// complete for the same architecture and base, so that one manifest can be
// applied again and again. Anything else would change a spec that CDI does not
// let change.
//
// An old CDI's schema drops the platform, out of admission's sight. So an
// object that lacks nothing else counts as complete while the new one has no
// platform either, gets none, and its user is told.
func (decl Declaration) CompletionOver(old *DataImportCron) ([]Operation, Findings) {
	if decl.Arch == "" || decl.base != old.Metadata.Labels[BaseLabel] {
		return nil, nil
	}
	missing := old.Missing(decl.Arch)
	if len(missing) == 0 {
		return decl.Completion()
	}
	dropped := slices.Equal(missing, []string{missingPlatform}) && old.Platform()+decl.object.Platform() == ""
	if !dropped || decl.Findings.HasErrors() {
		return nil, nil
	}
	ops := completeNames(decl.object, decl.Arch, decl.base)
	if len(ops) == 0 {
		return nil, nil
	}
	lost := newWarning(RuleIncomplete, platformFieldPath(nil), "", "%s was not stored; another image may be imported", decl.Arch)
	return ops, append(decl.completionWarnings(), Findings{lost}.about(decl.object.subject())...)
}

// completionWarnings tell of changes that a person may not expect.
func (decl Declaration) completionWarnings() Findings {
	var findings Findings
	d := decl.object
	if name := decl.base + decl.Arch.Suffix(); d.Spec.ManagedDataSource != name {
		findings = append(findings, newWarning(RuleDataSourceRenamed, field.NewPath("spec", "managedDataSource"), d.Spec.ManagedDataSource,
			"renamed to %q for %s", name, decl.Arch))
	}
	if len(decl.list) > 1 {
		findings = append(findings, newWarning(RuleListNamesMore, listPath(nil), d.Metadata.Annotations[ListAnnotation],
			"removed; this one imports %s only", decl.Arch))
	}
	return findings.about(d.subject())
}

// Incomplete warns about an object that has its admission's mutation behind
// it, has no error, and yet is not complete: the declaration came with an
// update, its SSP operator makes it so, or the API server dropped a field.
func (decl Declaration) Incomplete() Findings {
	if decl.Arch == "" || decl.Findings.HasErrors() {
		return nil
	}
	missing := decl.object.Missing(decl.Arch)
	if len(missing) == 0 {
		return nil
	}
	path := labelPath(nil, ArchitectureLabel)
	if _, labelled := decl.object.Metadata.Labels[ArchitectureLabel]; !labelled {
		path = listPath(nil)
	}
	return Findings{newWarning(RuleIncomplete, path, string(decl.Arch),
		"incomplete: %s", strings.Join(missing, ", "))}.about(decl.object.subject())
}
