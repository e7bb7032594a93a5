package arch

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Templates are the templates of one object, and what is known beside them.
type Templates struct {
	Items []DataImportCron
	// Nodes are the architectures that the cluster has nodes of; empty where that
	// is not known.
	Nodes []Arch
	// Others are templates that the object does not decide upon, and that make
	// DataImportCrons and DataSources all the same. They are not judged.
	Others []DataImportCron
	// NoSpace finds white space around an item of a list: HCO does not trim it, and
	// loses the item.
	NoSpace bool
}

// ValidateTemplates judges the templates of one object, found at path. Each list
// template is judged by itself, then all of them together for names and
// DataSources that collide.
func (r Rules) ValidateTemplates(ts Templates, path *field.Path) Findings {
	findings, lists := r.validateEach(ts, path)
	return append(findings, r.collisions(ts, lists, path, func(pairKey) bool { return false })...)
}

// validateEach judges each template by itself, and returns the valid
// architectures of each too.
func (r Rules) validateEach(ts Templates, path *field.Path) (Findings, [][]Arch) {
	var findings Findings
	present := r.acceptedOf(ts.Nodes)
	lists := make([][]Arch, len(ts.Items))
	for i := range ts.Items {
		t := &ts.Items[i]
		var fs Findings
		lists[i], fs = r.validateTemplate(t, present, path.Index(i))
		if ts.NoSpace {
			fs = append(fs, spacedItems(t.Metadata.Annotations[ListAnnotation], listPath(path.Index(i)))...)
		}
		findings = append(findings, fs.about(r.templateSubject(t))...)
	}
	return findings, lists
}

// acceptedOf returns which of nodes are accepted, each once; nil where nodes are
// not known.
func (r Rules) acceptedOf(nodes []Arch) Architectures {
	if len(nodes) == 0 {
		return nil
	}
	present := Architectures{}
	for _, a := range r.accepted() {
		if slices.Contains(nodes, a) {
			present = append(present, a)
		}
	}
	return present
}

// templateSubject names a template; the namespace only where it is not the
// default one.
func (r Rules) templateSubject(t *DataImportCron) Subject {
	s := Subject{Kind: "template", Name: t.Metadata.Name}
	if ns := r.namespace(t); ns != r.namespace(&DataImportCron{}) {
		s.Namespace = ns
	}
	return s
}

// validateTemplate judges one template and returns its valid architectures;
// none where the template is not multi-architecture. nodes is nil where they
// are not known.
func (r Rules) validateTemplate(t *DataImportCron, nodes Architectures, path *field.Path) ([]Arch, Findings) {
	value := t.Metadata.Annotations[ListAnnotation]
	if value == "" {
		return nil, nil
	}
	list, findings := ParseList(value, r.accepted(), listPath(path))
	findings = append(findings, suffixedNames(t, list, path)...)
	findings = append(findings, fixedValues(t, value, path)...)
	return list, append(findings, r.templateWarnings(t, list, nodes, path)...)
}

// suffixedNames checks what the names of the template become. Architectures
// differ little in length: the first that does not fit speaks for all.
func suffixedNames(t *DataImportCron, list []Arch, path *field.Path) Findings {
	var findings Findings
	for _, n := range [...]struct {
		rule          Rule
		parent, child string
		value         string
	}{
		{RuleName, "metadata", "name", t.Metadata.Name},
		{RuleDataSourceName, "spec", "managedDataSource", t.Spec.ManagedDataSource},
	} {
		for _, a := range list {
			if problem := checkObjectName(n.value + a.Suffix()); problem != "" {
				findings = append(findings, newError(n.rule, field.ErrorTypeInvalid, path.Child(n.parent, n.child), n.value, "with %q it %s", a.Suffix(), problem))
				break
			}
		}
	}
	if base := t.Spec.ManagedDataSource; len(list) > 0 {
		findings = append(findings, baseLabelValue(path.Child("spec", "managedDataSource"), base, base)...)
	}
	return findings
}

// fixedValues finds what the template fixes although the list decides it. A
// value outside the list contradicts it; one of several of the list is
// replaced in the DataImportCrons of the others, which is told.
func fixedValues(t *DataImportCron, list string, path *field.Path) Findings {
	var findings Findings
	items := make(map[string]bool)
	for _, item := range splitList(list) {
		items[item] = true
	}
	check := func(rule Rule, p *field.Path, value string) {
		switch {
		case !items[value]:
			findings = append(findings, newError(rule, field.ErrorTypeInvalid, p, value,
				"contradicts the list %q; remove it", shorten(list)))
		case len(items) > 1:
			findings = append(findings, newWarning(RuleOverridden, p, value, "set for each architecture of the list; remove it"))
		}
	}
	if platform := t.Platform(); platform != "" {
		check(RulePlatform, platformFieldPath(path), platform)
	}
	if label, ok := t.Metadata.Labels[ArchitectureLabel]; ok {
		check(RuleArchitectureLabel, labelPath(path, ArchitectureLabel), label)
	}
	if base, ok := t.Metadata.Labels[BaseLabel]; ok && base != t.Spec.ManagedDataSource {
		findings = append(findings, newError(RuleBaseLabel, field.ErrorTypeInvalid, labelPath(path, BaseLabel), base,
			"contradicts managedDataSource %q; remove it", shorten(t.Spec.ManagedDataSource)))
	}
	return findings
}

func (r Rules) templateWarnings(t *DataImportCron, list []Arch, nodes Architectures, path *field.Path) Findings {
	var findings Findings
	for _, a := range list {
		if nodes != nil && !nodes.Has(a) {
			findings = append(findings, newWarning(RuleNoNodes, listPath(path), string(a), "spec.cluster has no nodes of it"))
		}
	}
	registry := t.Spec.Template.Spec.Source.Registry
	if registry == nil {
		findings = append(findings, newWarning(RuleNoRegistry, path.Child("spec", "template", "spec", "source"), "",
			"not a registry: every architecture imports the same bytes"))
	}
	base := t.Spec.ManagedDataSource
	if a, ok := r.accepted().suffixOf(base); ok && len(list) > 0 {
		findings = append(findings, newWarning(RuleBaseSuffix, path.Child("spec", "managedDataSource"), base,
			"ends in %q already, and gets a suffix all the same", string(a)))
	}
	for _, a := range list {
		if name := t.Metadata.Name + a.Suffix(); cronJobNameTooLong(t, name) {
			findings = append(findings, newWarning(RuleCronJobName, path.Child("metadata", "name"), t.Metadata.Name,
				"CDI's CronJob name for %s has %d characters; at most %d", a, len(name)+cronJobSuffixLength, maxCronJobNameLength))
			break
		}
	}
	return findings
}

// cronJobNameTooLong tells whether CDI would fail to create the CronJob that
// polls a registry's URL from a pod.
func cronJobNameTooLong(t *DataImportCron, name string) bool {
	registry := t.Spec.Template.Spec.Source.Registry
	return registry != nil && registry.URL != "" && t.Spec.Schedule != "" &&
		(registry.PullMethod == "" || registry.PullMethod == "pod") &&
		len(name)+cronJobSuffixLength > maxCronJobNameLength
}
