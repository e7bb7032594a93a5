package admission

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// The kinds that are judged, in any version.
var (
	sspKind            = schema.GroupKind{Group: "ssp.kubevirt.io", Kind: "SSP"}
	dataImportCronKind = schema.GroupKind{Group: "cdi.kubevirt.io", Kind: "DataImportCron"}
)

// Policy is what all handlers share. The zero value denies by the default
// rules and counts nothing.
type Policy struct {
	// Rules judge the objects.
	Rules arch.Rules
	// Action says what becomes of errors: Deny (also where it is empty), Warn
	// or Audit. Mutation does not depend on it.
	Action admissionregistrationv1.ValidationAction
	// SSPOperatorUsers, where there are any, are the only users whose
	// DataImportCrons count as the SSP operator's by their label.
	SSPOperatorUsers []string
	// Metrics counts decisions and findings; nil counts nothing.
	Metrics *Metrics
}

// review is an AdmissionRequest with the view of its objects.
type review[T any] struct {
	object T
	old    *T
	// findings are about fields that could not be read.
	findings arch.Findings
}

// open decodes the objects of a request about kind. done tells that response
// is the answer already: the request is not about a write of such an object,
// or makes no sense.
func open[T any](req admission.Request, kind schema.GroupKind) (r review[T], response admission.Response, done bool) {
	switch {
	case req.Kind.Kind == "" || req.UID == "":
		return r, badRequest("the AdmissionReview holds no request with a uid and a kind"), true
	case req.Kind.Group != kind.Group || req.Kind.Kind != kind.Kind:
		// A webhook configuration that sends other kinds here is wrong, but
		// no reason to stand in the way of their writes.
		return r, admission.Allowed("").WithWarnings(fmt.Sprintf("dicer: not judged, this path is for %s: check the webhook configuration", kind)), true
	case req.SubResource != "" || req.Operation == admissionv1.Delete || req.Operation == admissionv1.Connect:
		return r, admission.Allowed(""), true
	case req.Operation != admissionv1.Create && req.Operation != admissionv1.Update:
		return r, badRequest(fmt.Sprintf("operation %q is unknown; accepted: CREATE, UPDATE", req.Operation)), true
	}
	var err error
	if r.findings, err = decode(req.Object, &r.object); err != nil {
		return r, badRequest("object: " + err.Error()), true
	}
	if req.Operation == admissionv1.Update {
		r.old = new(T)
		if _, err = decode(req.OldObject, r.old); err != nil {
			return r, badRequest("oldObject: " + err.Error()), true
		}
	}
	return r, admission.Response{}, false
}

func decode(object runtime.RawExtension, view any) (arch.Findings, error) {
	if len(object.Raw) == 0 || string(object.Raw) == "null" {
		return nil, errors.New("missing")
	}
	findings, err := arch.Decode(object.Raw, view)
	if err != nil {
		// The decoder's text may quote the object.
		return nil, errors.New("not valid JSON")
	}
	return findings, nil
}

func badRequest(message string) admission.Response {
	return admission.Errored(http.StatusBadRequest, fmt.Errorf("dicer: %s", message))
}

// bySSPOperator tells whether the SSP operator keeps the DataImportCron: by
// the label that it had before the write, and its user where users are known.
func (p *Policy) bySSPOperator(req admission.Request, r review[arch.DataImportCron]) bool {
	owner := &r.object
	if r.old != nil {
		owner = r.old
	}
	if owner.Metadata.Labels[arch.ManagedByLabel] != arch.ManagedBySSP {
		return false
	}
	return len(p.SSPOperatorUsers) == 0 || slices.Contains(p.SSPOperatorUsers, req.UserInfo.Username)
}
