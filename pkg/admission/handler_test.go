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

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"golang.org/x/sync/semaphore"
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

func TestTooManyBodiesAtOnceAreRefused(t *testing.T) {
	all := newBodies()
	all.wait = 0
	h := &webhook[arch.DataImportCron]{&Policy{}, logr.Discard(), all, "/x", dataImportCronKind, (&Policy{}).mutateDataImportCron}
	review := reviewBody(`{` + dicRequest + `,"operation":"DELETE"}`)
	padded := func(n int) []byte { return append(bytes.Repeat([]byte(" "), n-len(review)), review...) }
	for _, room := range []struct {
		name         string
		of           *semaphore.Weighted
		others       int64
		fits, refuse []byte
	}{
		{"small", all.small, maxSmall - firstChunk, padded(firstChunk), padded(firstChunk + 1)},
		{"large", all.large, maxLarge - smallBody, padded(2 * smallBody), padded(2*smallBody + 1)},
	} {
		t.Run(room.name, func(t *testing.T) {
			if !room.of.TryAcquire(room.others) {
				t.Fatal("something is held already")
			}
			if code, answer := send(t, h, room.fits); code != http.StatusOK {
				t.Errorf("%d, %s; want the last one that fits to be answered", code, answer)
			}
			if code, answer := send(t, h, room.refuse); code != http.StatusServiceUnavailable || string(answer) != "dicer: too many requests at once; try again\n" {
				t.Errorf("%d, %s", code, answer)
			}
			room.of.Release(room.others)
			if code, answer := send(t, h, room.refuse); code != http.StatusOK {
				t.Errorf("%d, %s after the others are gone", code, answer)
			}
		})
	}
	if !all.small.TryAcquire(maxSmall) || !all.large.TryAcquire(maxLarge) {
		t.Error("what was held is not released")
	}
}

func TestACallerHoldsLittleBeforeItSends(t *testing.T) {
	all := newBodies()
	read, write := io.Pipe()
	req := httptest.NewRequest("POST", "/", read)
	req.Header.Set("Content-Type", "application/json")
	req.ContentLength = maxBody
	done := make(chan *refusal)
	go func() {
		body, refused := all.read(httptest.NewRecorder(), req)
		all.release(body)
		done <- refused
	}()
	// Taken once the first chunk is asked for.
	if _, err := write.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if !all.small.TryAcquire(maxSmall-firstChunk) || !all.large.TryAcquire(maxLarge) {
		t.Error("more than the first chunk is held")
	}
	write.CloseWithError(errors.New("gone"))
	if refused := <-done; refused != errBroken {
		t.Errorf("%+v; want %+v", refused, errBroken)
	}
}
