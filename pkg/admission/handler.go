package admission

import (
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// Handlers returns the webhooks by their paths. What is an AdmissionReview with a
// request is answered by one; anything else by a status of 4xx with a short text, or 503 while there are too many.
func (p *Policy) Handlers(logger logr.Logger) map[string]http.Handler {
	all := newBodies()
	handlers := map[string]http.Handler{
		SSPPath:                    &webhook[ssp]{p, logger, all, SSPPath, sspKind, p.validateSSP},
		HyperConvergedPath:         &webhook[hyperConverged]{p, logger, all, HyperConvergedPath, hyperConvergedKind, p.validateHyperConverged},
		DataImportCronMutatePath:   &webhook[arch.DataImportCron]{p, logger, all, DataImportCronMutatePath, dataImportCronKind, p.mutateDataImportCron},
		DataImportCronValidatePath: &webhook[arch.DataImportCron]{p, logger, all, DataImportCronValidatePath, dataImportCronKind, p.validateDataImportCron},
	}
	for path := range handlers {
		p.Metrics.start(path)
	}
	return handlers
}

// webhook answers AdmissionReviews about one kind of object, of which T is the
// view. It stands where controller-runtime's handler would, which reads each body
// four times and the objects once more: docs/performance.md.
type webhook[T any] struct {
	policy *Policy
	logger logr.Logger
	bodies *bodies
	path   string
	kind   schema.GroupKind
	judge  func(review[T]) verdict
}

// verdict is what the rules come to about one request.
type verdict struct {
	response     admissionv1.AdmissionResponse
	decision     decision
	architecture arch.Arch
	findings     arch.Findings
}

// ServeHTTP implements http.Handler.
func (h *webhook[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A panic's text may quote the object, so nobody is told of it; where it came
	// from is in the log.
	defer func() {
		if recover() != nil {
			h.logger.Error(errors.New("panic"), "a request is not answered", "path", h.path, "stack", string(debug.Stack()))
			http.Error(w, "dicer: internal error", http.StatusInternalServerError)
		}
	}()
	answer, refused := h.review(w, r)
	if refused == nil {
		refused = h.bodies.write(w, r, answer)
	}
	if refused != nil {
		h.refuse(w, refused)
	}
}

// review reads a request and returns its answer: a caller that does not read that has
// no body held.
func (h *webhook[T]) review(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	body, refused := h.bodies.read(w, r)
	defer h.bodies.release(body)
	if refused == nil && !h.bodies.decide(r, body) {
		refused = errTooMany
	}
	if refused != nil {
		return nil, refused
	}
	review, err := read[T](body.content)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	response := h.answer(review)
	response.UID = review.UID
	answer, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{Kind: reviewKind, APIVersion: review.version},
		Response: &response,
	})
	if err != nil {
		h.logger.Error(err, "an answer cannot be written", "path", h.path)
		return nil, &refusal{http.StatusInternalServerError, "internal error"}
	}
	return answer, nil
}

func (h *webhook[T]) answer(r review[T]) admissionv1.AdmissionResponse {
	if response, done := open(r, h.kind); done {
		return response
	}
	return h.policy.record(h.path, r.Operation, h.judge(r))
}

// refuse answers what is no AdmissionReview, or comes while there are too many.
func (h *webhook[T]) refuse(w http.ResponseWriter, why *refusal) {
	h.logger.V(1).Info("refused", "path", h.path, "code", why.code, "reason", why.text)
	switch why.code {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, "dicer: "+why.text, why.code)
}
