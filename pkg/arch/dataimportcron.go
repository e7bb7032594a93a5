package arch

import (
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// declaration is what a DataImportCron says of its own architecture.
type declaration struct {
	// arch is empty where nothing is declared, or what is declared is invalid.
	arch Arch
	// base is the managed DataSource's name before the suffix.
	base string
	// list holds the valid items of the list, whether they declare or not.
	list []Arch
}

// ValidateDataImportCron judges a DataImportCron by what it declares: an
// architecture label, or a list with exactly one item. One that declares
// nothing has no findings. The object may or may not be complete.
func (r Rules) ValidateDataImportCron(d *DataImportCron) Findings {
	_, findings := r.declared(d)
	return findings
}

// CompleteDataImportCron returns the patch that completes a DataImportCron on
// CREATE, and the warnings about what the patch does. Both are empty for one
// that declares nothing, is complete, or has an error.
func (r Rules) CompleteDataImportCron(d *DataImportCron) ([]jsonpatch.Operation, Findings) {
	decl, findings := r.declared(d)
	if decl.arch == "" || findings.HasErrors() {
		return nil, nil
	}
	return Complete(d, decl.arch, decl.base), completionWarnings(d, decl)
}

// CompleteDataImportCronUpdate is CompleteDataImportCron for UPDATE: only
// where the old object was complete for the architecture that the new one
// declares, so that one manifest can be applied again and again. Anything else
// would change a spec that CDI does not let change.
func (r Rules) CompleteDataImportCronUpdate(d, old *DataImportCron) ([]jsonpatch.Operation, Findings) {
	if decl, _ := r.declared(d); !old.CompleteFor(decl.arch) {
		return nil, nil
	}
	return r.CompleteDataImportCron(d)
}

// Declared returns the architecture that a DataImportCron declares; empty
// where it declares none or an invalid one.
func (r Rules) Declared(d *DataImportCron) Arch {
	decl, _ := r.declared(d)
	return decl.arch
}

// Incomplete warns about a DataImportCron that declares an architecture,
// has no error and yet is not complete: an update brought the declaration,
// and CDI lets no spec change.
func (r Rules) Incomplete(d *DataImportCron) Findings {
	decl, findings := r.declared(d)
	if decl.arch == "" || findings.HasErrors() || d.CompleteFor(decl.arch) {
		return nil
	}
	return Findings{newWarning(RuleIncomplete, labelPath(nil, ArchitectureLabel), string(decl.arch),
		"declared, but not all of the spec and labels say so; delete and create it")}.about(d.subject())
}

// declared reads the declaration and finds what contradicts it.
func (r Rules) declared(d *DataImportCron) (declaration, Findings) {
	decl, findings := r.readDeclaration(d)
	if decl.arch == "" {
		return declaration{list: decl.list}, findings.about(d.subject())
	}
	base, fs := r.baseOf(d, decl.arch)
	decl.base = base
	findings = append(findings, fs...)
	if platform := d.platform(); platform != "" && platform != string(decl.arch) {
		findings = append(findings, newError(RulePlatform, field.ErrorTypeInvalid, platformFieldPath(nil), platform,
			"contradicts the declared architecture %q", string(decl.arch)))
	}
	if n := len(d.Metadata.Name); n > maxNameLength {
		findings = append(findings, newError(RuleName, field.ErrorTypeInvalid, field.NewPath("metadata", "name"), d.Metadata.Name,
			"has %d characters; at most %d", n, maxNameLength))
	}
	if d.Metadata.Name != "" && !d.hasSuffixedName(decl.arch) {
		findings = append(findings, newWarning(RuleNameWithoutSuffix, field.NewPath("metadata", "name"), d.Metadata.Name,
			"does not end in %q, as the SSP operator's and dicer's do", decl.arch.Suffix()))
	}
	return decl, findings.about(d.subject())
}

// readDeclaration reads label and list. The label decides where both are
// there; the list has to hold it then.
func (r Rules) readDeclaration(d *DataImportCron) (declaration, Findings) {
	value := d.Metadata.Annotations[ListAnnotation]
	list, findings := ParseList(value, r.accepted(), listPath(nil))
	decl := declaration{list: list}
	label, labelled := d.Metadata.Labels[ArchitectureLabel]
	switch {
	case labelled && !r.accepted().Has(Arch(label)):
		findings = append(findings, newError(RuleUnknownArchitecture, field.ErrorTypeNotSupported,
			labelPath(nil, ArchitectureLabel), label, "%s", unknownText(label, r.accepted())))
	case labelled:
		decl.arch = Arch(label)
		if len(findings) == 0 && len(list) > 0 && !Architectures(list).Has(decl.arch) {
			findings = append(findings, newError(RuleListContradiction, field.ErrorTypeInvalid, listPath(nil), value,
				"contradicts label %s: %q", ArchitectureLabel, label))
		}
	case len(findings) > 0:
	case len(list) == 1:
		decl.arch = list[0]
	case len(list) > 1:
		findings = append(findings, newWarning(RuleListOnDIC, listPath(nil), value,
			"left as it is; a list of several belongs in a template of the SSP"))
	}
	return decl, findings
}

// baseOf finds the managed DataSource's name without suffix: the base label,
// else managedDataSource without the suffix of a.
func (r Rules) baseOf(d *DataImportCron, a Arch) (string, Findings) {
	name, path := d.Spec.ManagedDataSource, field.NewPath("spec", "managedDataSource")
	base, labelled := d.Metadata.Labels[BaseLabel]
	if !labelled {
		base = strings.TrimSuffix(name, a.Suffix())
	}
	var findings Findings
	_, other, ok := r.accepted().CutSuffix(name)
	switch {
	case ok && other != a:
		findings = append(findings, newError(RuleDataSourceSuffix, field.ErrorTypeInvalid, path, name,
			"ends in another architecture than the declared %q", string(a)))
	case labelled && name != base && name != base+a.Suffix():
		findings = append(findings, newError(RuleBaseLabel, field.ErrorTypeInvalid, labelPath(nil, BaseLabel), base,
			"does not fit managedDataSource %q; accepted: %q or %q", shorten(name), shorten(base), shorten(base+a.Suffix())))
	case base == "":
		findings = append(findings, newError(RuleName, field.ErrorTypeRequired, path, name, "must name a DataSource"))
	}
	if suffixed := base + a.Suffix(); len(suffixed) > maxNameLength {
		findings = append(findings, newError(RuleName, field.ErrorTypeInvalid, path, name,
			"with %q it has %d characters; at most %d", a.Suffix(), len(suffixed), maxNameLength))
	} else if problem := checkLabelValue(base); problem != "" {
		findings = append(findings, newError(RuleName, field.ErrorTypeInvalid, path, name, "%s, as which it goes to %s", problem, BaseLabel))
	}
	return base, findings
}

// completionWarnings tell of changes that a person may not expect.
func completionWarnings(d *DataImportCron, decl declaration) Findings {
	var findings Findings
	if name := decl.base + decl.arch.Suffix(); d.Spec.ManagedDataSource != name {
		findings = append(findings, newWarning(RuleDataSourceRenamed, field.NewPath("spec", "managedDataSource"), d.Spec.ManagedDataSource,
			"renamed to %q for %s", name, decl.arch))
	}
	if len(decl.list) > 1 {
		findings = append(findings, newWarning(RuleListNamesMore, listPath(nil), d.Metadata.Annotations[ListAnnotation],
			"removed; this one imports %s only", decl.arch))
	}
	return findings.about(d.subject())
}
