package admission

import (
	"encoding/json"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// The versions of AdmissionReview that are answered, each in its own: they differ
// in name alone.
const (
	reviewVersion     = "admission.k8s.io/v1"
	reviewVersionBeta = "admission.k8s.io/v1beta1"
	reviewKind        = "AdmissionReview"
)

// envelope is the view of an AdmissionReview. T is the view of its objects, so that
// both are read in one pass.
type envelope[T any] struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Request    *request[T] `json:"request"`
}

// request is the view of an AdmissionRequest.
type request[T any] struct {
	UID  types.UID `json:"uid"`
	Kind struct {
		Group   string `json:"group"`
		Version string `json:"version"`
		Kind    string `json:"kind"`
	} `json:"kind"`
	SubResource string                `json:"subResource"`
	Operation   admissionv1.Operation `json:"operation"`
	UserInfo    struct {
		Username string `json:"username"`
	} `json:"userInfo"`
	Object    *T `json:"object"`
	OldObject *T `json:"oldObject"`
}

// review is an AdmissionRequest with the views of its objects.
type review[T any] struct {
	*request[T]
	// version is the AdmissionReview's.
	version string
	// findings are about fields of the object that could not be read.
	findings arch.Findings
}

// errNotAReview is about a body without an answerable request.
var errNotAReview = errors.New("want an AdmissionReview of admission.k8s.io/v1 that holds a request with a uid and a kind")

// read decodes a body. An error says that there is nobody to answer to by an
// AdmissionReview; it holds nothing of the body.
func read[T any](body []byte) (review[T], error) {
	var whole envelope[T]
	findings, err := arch.Decode(body, &whole)
	if err != nil {
		return review[T]{}, errNotAReview
	}
	if len(findings) > 0 {
		// Which of the objects is at fault, only a look at each by itself tells.
		return readApart[T](body)
	}
	if !answerable(whole) {
		return review[T]{}, errNotAReview
	}
	return review[T]{request: whole.Request, version: whole.APIVersion}, nil
}

func answerable[T any](e envelope[T]) bool {
	known := e.APIVersion == reviewVersion || e.APIVersion == reviewVersionBeta
	return known && e.Kind == reviewKind && e.Request != nil && e.Request.UID != "" && e.Request.Kind.Kind != ""
}

// readApart decodes the objects after the rest.
func readApart[T any](body []byte) (review[T], error) {
	var whole envelope[json.RawMessage]
	if findings, err := arch.Decode(body, &whole); err != nil || len(findings) > 0 || !answerable(whole) {
		return review[T]{}, errNotAReview
	}
	raw := whole.Request
	r := review[T]{version: whole.APIVersion, request: &request[T]{
		UID: raw.UID, Kind: raw.Kind, SubResource: raw.SubResource, Operation: raw.Operation, UserInfo: raw.UserInfo,
	}}
	r.Object, r.findings = decode[T](raw.Object)
	// What is odd about the old object was so before.
	r.OldObject, _ = decode[T](raw.OldObject)
	return r, nil
}

// decode reads an object of a body that was read; nil where there is none.
func decode[T any](raw *json.RawMessage) (*T, arch.Findings) {
	if raw == nil || string(*raw) == "null" {
		return nil, nil
	}
	view := new(T)
	findings, err := arch.Decode(*raw, view)
	if err != nil {
		return nil, nil
	}
	return view, findings
}

// open tells whether a request is about a write of an object of kind. done tells
// that response is the answer already: it is not, or makes no sense.
func open[T any](r review[T], kind schema.GroupKind) (response admissionv1.AdmissionResponse, done bool) {
	switch {
	case r.Kind.Group != kind.Group || r.Kind.Kind != kind.Kind:
		// A webhook configuration that sends other kinds here is wrong, but
		// no reason to stand in the way of their writes.
		response = allowed()
		response.Warnings = []string{fmt.Sprintf("dicer: not judged, this path is for %s: check the webhook configuration", kind)}
		return response, true
	case r.SubResource != "" || r.Operation == admissionv1.Delete || r.Operation == admissionv1.Connect:
		return allowed(), true
	case r.Operation != admissionv1.Create && r.Operation != admissionv1.Update:
		return badRequest(fmt.Sprintf("operation %.20q is unknown; accepted: CREATE, UPDATE", r.Operation)), true
	case r.Object == nil:
		return badRequest("object: missing"), true
	case r.Operation == admissionv1.Update && r.OldObject == nil:
		return badRequest("oldObject: missing"), true
	}
	return response, false
}

// old is the object before an update; nil on CREATE.
func (r review[T]) old() *T {
	if r.Operation == admissionv1.Update {
		return r.OldObject
	}
	return nil
}
