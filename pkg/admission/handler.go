package admission

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dicer-dev/dicer/pkg/arch"
)

const (
	// maxBody bounds an AdmissionReview: two objects of the 3 MiB that the API
	// server takes, and what it says about them.
	maxBody = 7 << 20
	// maxPooled bounds what a request leaves allocated for the next: more than
	// nearly all of them need.
	maxPooled = 256 << 10
)

// Handlers returns the webhooks by their paths. What is an AdmissionReview with a
// request is answered by one; anything else by a status of 4xx with a short text.
func (p *Policy) Handlers(logger logr.Logger) map[string]http.Handler {
	return map[string]http.Handler{
		SSPPath:                    &webhook[ssp]{p, logger, SSPPath, sspKind, p.validateSSP},
		DataImportCronMutatePath:   &webhook[arch.DataImportCron]{p, logger, DataImportCronMutatePath, dataImportCronKind, p.mutateDataImportCron},
		DataImportCronValidatePath: &webhook[arch.DataImportCron]{p, logger, DataImportCronValidatePath, dataImportCronKind, p.validateDataImportCron},
	}
}

// webhook answers AdmissionReviews about one kind of object, of which T is the
// view. It stands where controller-runtime's handler would, which reads each body
// four times and the objects once more: docs/performance.md.
type webhook[T any] struct {
	policy *Policy
	logger logr.Logger
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

// bodies are buffers of bodies that were answered.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

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
	body := bodies.Get().(*bytes.Buffer)
	body.Reset()
	defer func() {
		if body.Cap() <= maxPooled {
			bodies.Put(body)
		}
	}()
	if code, text := readBody(body, w, r); code != http.StatusOK {
		h.refuse(w, code, text)
		return
	}
	review, err := read[T](body.Bytes())
	if err != nil {
		h.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	response := h.answer(review)
	response.UID = review.UID
	answer, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{Kind: reviewKind, APIVersion: review.version},
		Response: &response,
	})
	if err != nil {
		h.logger.Error(err, "an answer cannot be written", "path", h.path)
		http.Error(w, "dicer: internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // a caller that is gone asks again
}

func (h *webhook[T]) answer(r review[T]) admissionv1.AdmissionResponse {
	if response, done := open(r, h.kind); done {
		return response
	}
	return h.policy.record(h.path, r.Operation, h.judge(r))
}

// refuse answers what is no AdmissionReview.
func (h *webhook[T]) refuse(w http.ResponseWriter, code int, text string) {
	h.logger.V(1).Info("bad request", "path", h.path, "code", code, "reason", text)
	http.Error(w, "dicer: "+text, code)
}

// readBody fills body. It looks at what costs nothing first, and returns the status
// to refuse with, and why; http.StatusOK where there is no reason to.
func readBody(body *bytes.Buffer, w http.ResponseWriter, r *http.Request) (code int, text string) {
	const large = "the body is larger than 7 MiB"
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, "want the method POST"
	case err != nil || mediaType != "application/json":
		return http.StatusUnsupportedMediaType, "want the content type application/json"
	case r.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge, large
	case r.ContentLength > 0:
		// One more, so that the end is seen without growing.
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	var tooLarge *http.MaxBytesError
	switch _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, large
	case err != nil && !errors.Is(err, io.EOF):
		return http.StatusBadRequest, "the body cannot be read to its end"
	}
	return http.StatusOK, ""
}
