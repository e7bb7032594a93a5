package arch

import (
	"encoding/json"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
)

// DataImportCron is a read-only view of what the rules need to know of a
// DataImportCron or of a template for one: both hold metadata and a
// DataImportCron spec. It is decoded from JSON, case-sensitively as the API
// server does, and never encoded.
type DataImportCron struct {
	Metadata Metadata `json:"metadata"`
	Spec     Spec     `json:"spec"`
}

// Metadata is the view of an object's metadata.
type Metadata struct {
	Name              string            `json:"name"`
	GenerateName      string            `json:"generateName"`
	Namespace         string            `json:"namespace"`
	Labels            map[string]string `json:"labels"`
	Annotations       map[string]string `json:"annotations"`
	DeletionTimestamp *string           `json:"deletionTimestamp"`
}

// Spec is the view of a DataImportCron's spec.
type Spec struct {
	ManagedDataSource string `json:"managedDataSource"`
	Schedule          string `json:"schedule"`
	Template          struct {
		Spec struct {
			Source struct {
				// Registry is nil where the source is of another kind.
				Registry *Registry `json:"registry"`
			} `json:"source"`
		} `json:"spec"`
	} `json:"template"`
}

// Registry is the view of a registry source.
type Registry struct {
	URL        string `json:"url"`
	PullMethod string `json:"pullMethod"`
	// Platform is nil where the source has no platform at all.
	Platform *struct {
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// Decode fills view from an object's JSON. A field of the wrong type is a
// finding and leaves its zero value: the API server's own schema rejects such
// an object with a better text, and a schema that does not is no reason to
// fail. The error is for what is not JSON at all.
func Decode(raw []byte, view any) (Findings, error) {
	err := kjson.UnmarshalCaseSensitivePreserveInts(raw, view)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		f := Finding{Rule: RuleMalformed, Severity: Error, Type: field.ErrorTypeTypeInvalid, Value: wrong.Value, Text: "must be of another type, see the schema"}
		if wrong.Field != "" {
			f.Path = field.NewPath(wrong.Field)
		}
		return Findings{f}, nil
	}
	return nil, err
}

// subject names the object as a DataImportCron.
func (d *DataImportCron) subject() Subject {
	name := d.Metadata.Name
	if name == "" && d.Metadata.GenerateName != "" {
		name = d.Metadata.GenerateName + "*"
	}
	return Subject{Kind: "DataImportCron", Name: name}
}

// platform is the architecture that the source asks the registry for; empty
// where it asks for none.
func (d *DataImportCron) platform() string {
	r := d.Spec.Template.Spec.Source.Registry
	if r == nil || r.Platform == nil {
		return ""
	}
	return r.Platform.Architecture
}

// CompleteFor tells whether the object is what the six changes make of it for
// a: architecture label, base label, managedDataSource and platform set, list
// gone. The name does not count.
func (d *DataImportCron) CompleteFor(a Arch) bool {
	base := d.Metadata.Labels[BaseLabel]
	_, hasList := d.Metadata.Annotations[ListAnnotation]
	return a != "" && base != "" && !hasList &&
		d.Metadata.Labels[ArchitectureLabel] == string(a) &&
		d.Spec.ManagedDataSource == base+a.Suffix() &&
		(d.Spec.Template.Spec.Source.Registry == nil || d.platform() == string(a))
}

// hasSuffixedName tells whether the object's name, or what the API server will
// make of its generateName, is known to end in the architecture.
func (d *DataImportCron) hasSuffixedName(a Arch) bool {
	return strings.HasSuffix(d.Metadata.Name, a.Suffix())
}
