package admission

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the answers to testdata as the expected ones")

// handlers are the webhooks by path, as the server registers them.
func handlers(policy *Policy) map[string]http.Handler { return policy.Handlers(logr.Discard()) }

// send posts a body and returns the status and the body of the answer.
func send(t testing.TB, handler http.Handler, body []byte) (int, []byte) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, req)
	answer, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return recorder.Code, answer
}

// post sends a body and returns the response to the review in it.
func post(t testing.TB, handler http.Handler, body []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	code, answer := send(t, handler, body)
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &review); err != nil || review.Response == nil || code != http.StatusOK {
		t.Fatalf("status %d, answer %q: %v", code, answer, err)
	}
	return review.Response
}

// TestReviews answers whole AdmissionReviews: NAME.review.yaml holds the
// path, the policy and the review, NAME.answer.yaml the expected response.
func TestReviews(t *testing.T) {
	files, err := filepath.Glob("testdata/*.review.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reviews in testdata: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".review.yaml")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in struct {
				Path   string         `json:"path"`
				Policy Policy         `json:"policy"`
				Review map[string]any `json:"review"`
			}
			if err := yaml.UnmarshalStrict(raw, &in); err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(in.Review)
			if err != nil {
				t.Fatal(err)
			}
			got := answer(t, post(t, handlers(&in.Policy)[in.Path], body))
			golden := filepath.Join("testdata", name+".answer.yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (go test ./pkg/admission -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s\nwhere that is right: go test ./pkg/admission -update", diff)
			}
		})
	}
}

// answer writes a response as YAML, with the patch in the clear.
func answer(t *testing.T, response *admissionv1.AdmissionResponse) []byte {
	t.Helper()
	encoded, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(encoded, &out); err != nil {
		t.Fatal(err)
	}
	if response.Patch != nil {
		var patch any
		if err := json.Unmarshal(response.Patch, &patch); err != nil {
			t.Fatal(err)
		}
		out["patch"] = patch
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
