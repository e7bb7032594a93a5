package arch

import (
	"encoding/json"
	"errors"
	"strings"

	fastjson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	fastjsonv1 "github.com/go-json-experiment/json/v1"
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

// likeAPIServer has a decoder read as the API server's does where both accept an
// input: of a name that stands twice the last value counts, and bytes that are not
// UTF-8 are replaced.
var likeAPIServer = fastjson.JoinOptions(
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), fastjsonv1.MergeWithLegacySemantics(true),
)

// Decode fills view from an object's JSON. A field of the wrong type is a
// warning and leaves its zero value: the API server's own schema rejects such
// an object with a better text, and a schema that does not is no reason to
// fail. The error is for what is not JSON at all.
//
// It reads with encoding/json/v2's implementation, in a third of the time
// (docs/performance.md). What that refuses the API server's own decoder reads, which
// says what is wrong; FuzzDecode holds the two together.
func Decode[T any](raw []byte, view *T) (Findings, error) {
	if fastjson.Unmarshal(raw, view, likeAPIServer) == nil {
		return nil, nil
	}
	*view = *new(T) // a part of it may be filled
	return decodeStandard(raw, view)
}

func decodeStandard(raw []byte, view any) (Findings, error) {
	err := kjson.UnmarshalCaseSensitivePreserveInts(raw, view)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		var path *field.Path
		if wrong.Field != "" {
			path = field.NewPath(wrong.Field)
		}
		return Findings{Malformed(path, wrong.Value)}, nil
	}
	return nil, err
}

// Malformed is the warning about a field that holds another type of JSON value: array,
// object, string, number or bool.
func Malformed(path *field.Path, found string) Finding {
	return newWarning(RuleMalformed, path, "", "a JSON %s is not of this field's type"+notJudged, found)
}

// notJudged ends the warning about a field that a decision goes without.
const notJudged = "; not judged by it"

// subject names the object as a DataImportCron.
func (d *DataImportCron) subject() Subject {
	name := d.Metadata.Name
	if name == "" && d.Metadata.GenerateName != "" {
		name = d.Metadata.GenerateName + "*"
	}
	return Subject{Kind: "DataImportCron", Name: name}
}

// Platform is the architecture that the source asks the registry for; empty
// where it asks for none.
func (d *DataImportCron) Platform() string {
	r := d.Spec.Template.Spec.Source.Registry
	if r == nil || r.Platform == nil {
		return ""
	}
	return r.Platform.Architecture
}

// Disabled tells whether HCO leaves the template out: it takes the value in any letter
// case.
func (d *DataImportCron) Disabled() bool {
	return strings.EqualFold(d.Metadata.Annotations[EnableAnnotation], "false")
}

// CompleteFor tells whether the object is what the six changes make of it for
// a: architecture label, base label, managedDataSource and platform set, list
// gone. The name does not count.
func (d *DataImportCron) CompleteFor(a Arch) bool {
	return a != "" && len(d.Missing(a)) == 0
}

// Missing names, in few words, what is not as the six changes make it for a.
func (d *DataImportCron) Missing(a Arch) []string {
	var missing []string
	base := d.Metadata.Labels[BaseLabel]
	if d.Metadata.Labels[ArchitectureLabel] != string(a) {
		missing = append(missing, "architecture label")
	}
	if base == "" {
		missing = append(missing, "base")
	}
	if d.Spec.ManagedDataSource != base+a.Suffix() {
		missing = append(missing, "managedDataSource")
	}
	if d.Spec.Template.Spec.Source.Registry != nil && d.Platform() != string(a) {
		missing = append(missing, missingPlatform)
	}
	if _, ok := d.Metadata.Annotations[ListAnnotation]; ok {
		missing = append(missing, "list")
	}
	return missing
}

// missingPlatform is what Missing calls the platform.
const missingPlatform = "platform"

// hasSuffixedName tells whether the object's name ends in the architecture.
func (d *DataImportCron) hasSuffixedName(a Arch) bool {
	return strings.HasSuffix(d.Metadata.Name, a.Suffix())
}
