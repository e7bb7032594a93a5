package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	admissionv1 "k8s.io/api/admission/v1"
)

// Contract says what answers a server owes.
type Contract struct {
	// Patches tells that it completes the object; otherwise it patches nothing.
	Patches bool
	// EmptyFields allows what a Go type writes of itself into the completed
	// object: empty objects and null.
	EmptyFields bool
}

// Answers judges one server's answers to one review. Each is compared with those
// that were seen already, which is cheap enough to be done under load; what is
// new is judged by Verify.
type Answers struct {
	review   *Review
	contract Contract

	mu sync.RWMutex
	// seen has answers with placeholder for the uid, and whether each was judged.
	seen map[string]bool
}

// NewAnswers expects answers to review.
func NewAnswers(review *Review, contract Contract) *Answers {
	return &Answers{review: review, contract: contract, seen: map[string]bool{}}
}

// Note takes an answer to the request of that uid, and overwrites the uid in it.
func (a *Answers) Note(answer, uid []byte) error {
	at := bytes.Index(answer, uid)
	if at < 0 {
		return fmt.Errorf("uid %s is not echoed in the answer %s", uid, shorten(answer))
	}
	copy(answer[at:], placeholder)
	a.mu.RLock()
	_, ok := a.seen[string(answer)]
	a.mu.RUnlock()
	if ok {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if text := string(answer); !a.seen[text] {
		a.seen[text] = false
	}
	return nil
}

// Verify judges the answers that were not judged yet.
func (a *Answers) Verify() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for answer, judged := range a.seen {
		if judged {
			continue
		}
		if err := a.judge([]byte(answer)); err != nil {
			return fmt.Errorf("%w, in the answer %s", err, shorten([]byte(answer)))
		}
		a.seen[answer] = true
	}
	return nil
}

func (a *Answers) judge(answer []byte) error {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &review); err != nil {
		return err
	}
	response := review.Response
	switch {
	case review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview":
		return fmt.Errorf("it is a %s of %s", review.Kind, review.APIVersion)
	case response == nil:
		return errors.New("there is no response")
	case response.UID != placeholder:
		return fmt.Errorf("the uid is not the response's")
	case !response.Allowed:
		return errors.New("the object is rejected")
	case !a.contract.Patches:
		if len(response.Patch) > 0 {
			return fmt.Errorf("want no patch, got %s", shorten(response.Patch))
		}
		return nil
	case response.PatchType == nil || *response.PatchType != admissionv1.PatchTypeJSONPatch:
		return errors.New("there is no JSON patch")
	}
	return a.judgePatch(response.Patch)
}

// judgePatch compares what the patch makes with what pkg/arch makes.
func (a *Answers) judgePatch(patch []byte) error {
	got, err := apply(patch, a.review.object)
	if err != nil {
		return fmt.Errorf("the patch does not apply: %w", err)
	}
	var gotObject, wantObject any
	if err := errors.Join(json.Unmarshal(got, &gotObject), json.Unmarshal(a.review.completed, &wantObject)); err != nil {
		return err
	}
	if a.contract.EmptyFields {
		gotObject, wantObject = WithoutEmpty(gotObject), WithoutEmpty(wantObject)
	}
	if !reflect.DeepEqual(gotObject, wantObject) {
		return fmt.Errorf("the patch %s does not make the completed object", shorten(patch))
	}
	return nil
}

// WithoutEmpty leaves out null and objects that have nothing in them.
func WithoutEmpty(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	for key, field := range object {
		if field = WithoutEmpty(field); field == nil {
			delete(object, key)
		} else {
			object[key] = field
		}
	}
	if len(object) == 0 {
		return nil
	}
	return object
}

const maxShown = 1000

func shorten(text []byte) string {
	if len(text) > maxShown {
		return string(text[:maxShown]) + "..."
	}
	return string(text)
}
