package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
)

const (
	// secret is in every good review, in fields that no rule reads.
	secret = "s3cr3t"
	// answered bounds the wait for a server that would never close a connection.
	answered = 2 * time.Minute
)

// TestBadRequests sends each of testdata/bad over HTTP/1.1 and, where it is one of
// HTTP's own requests, over HTTP/2. Nothing of it may be told or logged but what is
// wanted.
func TestBadRequests(t *testing.T) {
	count := 0
	for file, requests := range badRequests(t) {
		for _, r := range requests {
			count++
			t.Run(file+"/"+r.Name, func(t *testing.T) {
				check(t, r, overHTTP1(t, r))
				if r.Connection == nil {
					check(t, r, overHTTP2(t, r))
				}
			})
		}
	}
	if count < 150 {
		t.Errorf("%d requests; want 150 at least", count)
	}
	t.Logf("%d bad requests", count)
	log, err := webhook.Logs()
	if err != nil {
		t.Fatal(err)
	}
	leaksNothing(t, log, "stack")
	if !strings.Contains(log, `"msg":"refused"`) {
		t.Errorf("nothing is logged of what was refused: %.1000s", log)
	}
}

// TestReviewsCutAtEachByte sends every beginning of the good reviews.
func TestReviewsCutAtEachByte(t *testing.T) {
	count := 0
	for path, name := range map[string]string{"/mutate/dataimportcron": "dic", "/validate/dataimportcron": "update", "/validate/ssp": "ssp"} {
		whole := write(t, "<<"+name+">>")
		for n := range len(whole) {
			got := overHTTP2(t, badRequest{Method: "POST", Path: path, Body: fmt.Sprintf("<<cut %d %s>>", n, name)})
			if !strings.HasPrefix(got, "400 dicer: want an AdmissionReview") {
				t.Errorf("%s cut after %d bytes: %s", name, n, got)
			}
			count++
		}
	}
	t.Logf("%d beginnings of reviews", count)
}

func check(t *testing.T, r badRequest, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimSpace(r.Want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func leaksNothing(t *testing.T, text, more string) {
	t.Helper()
	for _, leak := range []string{secret, "panic", "goroutine ", more} {
		if at := strings.Index(text, leak); at >= 0 {
			t.Errorf("%q is told: %.400q", leak, text[max(0, at-200):])
		}
	}
}

// overHTTP1 sends a request on a connection of its own and describes the answers
// until the server closes it.
func overHTTP1(t *testing.T, r badRequest) string {
	t.Helper()
	conn := dial(t, r.Plain)
	defer conn.Close()
	sent := make(chan error, 1)
	go func() {
		sent <- send(t, conn, r)
		// A server that has answered need not read to the end.
		_ = conn.CloseWrite()
	}()
	if err := conn.SetReadDeadline(time.Now().Add(answered)); err != nil {
		t.Fatal(err)
	}
	var answers []string
	for reader := bufio.NewReader(conn); ; {
		if _, err := reader.Peek(1); errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || len(answers) > 0 && err != nil {
			break
		} else if err != nil {
			t.Fatalf("reading an answer: %v, after %v of sending", err, <-sent)
		}
		resp, err := http.ReadResponse(reader, &http.Request{Method: r.Method})
		if err != nil {
			t.Fatalf("not an answer of HTTP: %v", err)
		}
		answers = append(answers, describe(t, resp))
	}
	return strings.Join(answers, "\n")
}

// connection is of TCP or TLS.
type connection interface {
	net.Conn
	CloseWrite() error
}

func dial(t *testing.T, plain bool) connection {
	t.Helper()
	conn, err := net.Dial("tcp", address())
	if err != nil {
		t.Fatal(err)
	}
	if plain {
		return conn.(*net.TCPConn)
	}
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err := secured.Handshake(); err != nil {
		t.Fatal(err)
	}
	return secured
}

func send(t *testing.T, w io.Writer, r badRequest) error {
	if r.Connection != nil {
		_, err := io.WriteString(w, write(t, strings.ReplaceAll(*r.Connection, "\n", "\r\n")))
		return err
	}
	request := newRequest(t, r)
	request.Close = true
	return request.Write(w)
}

func newRequest(t *testing.T, r badRequest) *http.Request {
	path := write(t, r.Path)
	body := write(t, r.Body)
	request, err := http.NewRequest(r.Method, webhook.URL("/"), strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	before, query, _ := strings.Cut(path, "?")
	// As it is, not as Go would write it.
	request.URL = &url.URL{Scheme: "https", Host: address(), Opaque: "//" + address() + before, RawQuery: query}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range r.Headers {
		if request.Header.Del(name); value != nil {
			request.Header.Set(name, *value)
		}
	}
	return request
}

// http2 follows no redirect.
var http2 = &http.Client{
	Transport:     &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       answered,
}

func overHTTP2(t *testing.T, r badRequest) string {
	t.Helper()
	resp, err := http2.Do(newRequest(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if resp.ProtoMajor != 2 {
		t.Errorf("answered in %s", resp.Proto)
	}
	return describe(t, resp)
}

// describe writes an answer: its status, then its text or, of an AdmissionReview,
// what was decided.
func describe(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("an answer breaks off: %v", err)
	}
	leaksNothing(t, string(body), ".go:")
	text := strings.TrimSpace(string(body))
	if resp.StatusCode == http.StatusOK {
		text = decision(t, resp, body)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		t.Errorf("status %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	return strings.TrimSpace(fmt.Sprintf("%d %.1000s", resp.StatusCode, text))
}

// decision reads an AdmissionReview, which has to be well-formed.
func decision(t *testing.T, resp *http.Response, body []byte) string {
	t.Helper()
	var review admissionv1.AdmissionReview
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&review); err != nil || review.Response == nil || decoder.More() {
		t.Errorf("not an AdmissionReview: %v in %.1000q", err, body)
		return ""
	}
	r := review.Response
	version := strings.TrimPrefix(review.APIVersion, "admission.k8s.io/")
	if resp.Header.Get("Content-Type") != "application/json" || review.Kind != "AdmissionReview" || review.Request != nil ||
		version != "v1" && version != "v1beta1" || r.UID == "" || r.Result == nil || r.Allowed != (r.Result.Code == http.StatusOK) {
		t.Errorf("not a well-formed answer: %v, %.1000s", resp.Header, body)
		return ""
	}
	text := "allowed"
	switch {
	case !r.Allowed:
		text = fmt.Sprintf("rejected with %d: %.300s", r.Result.Code, r.Result.Message)
	case r.Patch != nil:
		var operations []any
		if err := json.Unmarshal(r.Patch, &operations); err != nil || *r.PatchType != admissionv1.PatchTypeJSONPatch {
			t.Errorf("not a JSON patch: %v in %.1000q", err, body)
		}
		text = "patched"
	}
	for _, warning := range r.Warnings {
		text += "; warning: " + warning
	}
	return text
}
