package admission

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dicer-dev/dicer/pkg/arch"
)

func TestWhatIsNoAdmissionReviewIsRefusedByItsStatus(t *testing.T) {
	const review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{` + dicRequest + `,"operation":"DELETE"}}`
	unsized := func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }
	for name, tc := range map[string]struct {
		method, contentType string
		body                io.Reader
		code                int
	}{
		"a review":                              {"POST", "application/json", strings.NewReader(review), 200},
		"a content type with a parameter":       {"POST", "application/json; charset=utf-8", strings.NewReader(review), 200},
		"a body of unknown length":              {"POST", "application/json", unsized(strings.NewReader(review)), 200},
		"v1beta1":                               {"POST", "application/json", strings.NewReader(strings.Replace(review, "/v1", "/v1beta1", 1)), 200},
		"another version":                       {"POST", "application/json", strings.NewReader(strings.Replace(review, "/v1", "/v2", 1)), 400},
		"another kind":                          {"POST", "application/json", strings.NewReader(strings.Replace(review, "AdmissionReview", "Pod", 1)), 400},
		"no request":                            {"POST", "application/json", strings.NewReader(string(reviewBody("null"))), 400},
		"a request without a kind":              {"POST", "application/json", strings.NewReader(string(reviewBody(`{"uid":"u"}`))), 400},
		"a request without a uid":               {"POST", "application/json", strings.NewReader(strings.Replace(review, `"uid":"u",`, "", 1)), 400},
		"a uid that is a number":                {"POST", "application/json", strings.NewReader(strings.Replace(review, `"u"`, "5", 1)), 400},
		"nothing":                               {"POST", "application/json", http.NoBody, 400},
		"half a review":                         {"POST", "application/json", strings.NewReader(review[:50]), 400},
		"a body that breaks off":                {"POST", "application/json", iotest.ErrReader(errors.New("reset")), 400},
		"a body of unknown length, breaks off":  {"POST", "application/json", io.MultiReader(strings.NewReader(review), iotest.ErrReader(io.ErrUnexpectedEOF)), 400},
		"another method":                        {"GET", "application/json", http.NoBody, 405},
		"no content type":                       {"POST", "", strings.NewReader(review), 415},
		"another content type":                  {"POST", "application/yaml", strings.NewReader(review), 415},
		"more than 7 MiB":                       {"POST", "application/json", strings.NewReader(strings.Repeat(" ", maxBody+1)), 413},
		"more than 7 MiB, of unknown length":    {"POST", "application/json", unsized(strings.NewReader(strings.Repeat(" ", maxBody+1))), 413},
		"7 MiB, which is not too large to read": {"POST", "application/json", strings.NewReader(strings.Repeat(" ", maxBody-len(review)) + review), 200},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(tc.method, "/", tc.body)
			if tc.contentType != "" {
				req.Header.Set("Content-Type", tc.contentType)
			}
			recorder := httptest.NewRecorder()
			handlers(&Policy{})[DataImportCronMutatePath].ServeHTTP(recorder, req)
			answer := recorder.Body.String()
			if recorder.Code != tc.code || (tc.code != 200) != strings.HasPrefix(answer, "dicer: ") {
				t.Errorf("%d, %q; want %d", recorder.Code, answer, tc.code)
			}
		})
	}
}

func TestAPanicIsNotToldToTheCaller(t *testing.T) {
	const secret = "s3cr3t"
	var log bytes.Buffer
	logger := funcr.New(func(_, args string) { log.WriteString(args) }, funcr.Options{Verbosity: 10})
	h := &webhook[arch.DataImportCron]{&Policy{}, logger, newBodies(), "/x", schema.GroupKind{Group: "cdi.kubevirt.io", Kind: "DataImportCron"},
		func(review[arch.DataImportCron]) verdict { panic(secret) }}
	code, answer := send(t, h, reviewBody(`{`+dicRequest+`,"operation":"CREATE","object":{}}`))
	if code != http.StatusInternalServerError || string(answer) != "dicer: internal error\n" {
		t.Errorf("%d, %q", code, answer)
	}
	if !strings.Contains(log.String(), "handler_test.go") || strings.Contains(log.String(), secret) {
		t.Errorf("the log wants where it came from, without its text: %s", log.String())
	}
}
