package arch

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Rules are the checks, with what an administrator can set about them.
type Rules struct {
	// Accepted are the architectures that a list or label may name.
	// DefaultArchitectures where it is empty.
	Accepted Architectures
	// GoldenImagesNamespace is where a template without a namespace counts to.
	// DefaultGoldenImagesNamespace where it is empty.
	GoldenImagesNamespace string
}

func (r Rules) accepted() Architectures {
	if len(r.Accepted) == 0 {
		return DefaultArchitectures()
	}
	return r.Accepted
}

// namespace is where a template's DataImportCrons belong.
func (r Rules) namespace(t *DataImportCron) string {
	switch {
	case t.Metadata.Namespace != "":
		return t.Metadata.Namespace
	case r.GoldenImagesNamespace != "":
		return r.GoldenImagesNamespace
	default:
		return DefaultGoldenImagesNamespace
	}
}

func newError(rule Rule, t field.ErrorType, path *field.Path, value, format string, args ...any) Finding {
	return Finding{Rule: rule, Severity: Error, Type: t, Path: path, Value: value, Text: fmt.Sprintf(format, args...)}
}

func newWarning(rule Rule, path *field.Path, value, format string, args ...any) Finding {
	f := newError(rule, field.ErrorTypeInvalid, path, value, format, args...)
	f.Severity = Warning
	return f
}

// checkObjectName tells what is wrong with a name that the API server and CDI
// would get: CDI allows 63 characters, Kubernetes a DNS subdomain.
func checkObjectName(name string) string {
	if len(name) > maxNameLength {
		return fmt.Sprintf("has %d characters; at most %d", len(name), maxNameLength)
	}
	if msgs := validation.IsDNS1123Subdomain(name); len(msgs) > 0 {
		return "is no legal object name: want lower-case letters, digits, '-' and '.', a letter or digit at both ends"
	}
	return ""
}

// checkLabelValue tells what is wrong with a label's value.
func checkLabelValue(value string) string {
	if msgs := validation.IsValidLabelValue(value); len(msgs) > 0 {
		return "is no legal label value: want letters, digits, '-', '_' and '.', a letter or digit at both ends, at most 63"
	}
	return ""
}

// baseLabelValue finds what is wrong with a base as the base label's value.
// value is what the field at path holds.
func baseLabelValue(path *field.Path, value, base string) Findings {
	problem := checkLabelValue(base)
	if problem == "" {
		return nil
	}
	return Findings{newError(RuleBaseLabelValue, field.ErrorTypeInvalid, path, value, "goes to label %s, and %s", BaseLabel, problem)}
}

func labelPath(root *field.Path, key string) *field.Path {
	return child(root, "metadata", "labels").Key(key)
}

func listPath(root *field.Path) *field.Path {
	return child(root, "metadata", "annotations").Key(ListAnnotation)
}

func platformFieldPath(root *field.Path) *field.Path {
	return child(root, "spec", "template", "spec", "source", "registry", "platform", "architecture")
}

// child descends from root, or starts a path where root is nil.
func child(root *field.Path, name string, more ...string) *field.Path {
	if root == nil {
		return field.NewPath(name, more...)
	}
	return root.Child(name, more...)
}
