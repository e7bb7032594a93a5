//go:build chaos

package chaos

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/test/cluster"
)

// tlsConfig trusts whom the API server trusts at the moment.
func (s *suite) tlsConfig(protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: s.trusted.Load(), ServerName: cluster.ServiceHost, NextProtos: protocols}
}

func (s *suite) balancerAddress() string {
	return net.JoinHostPort("localhost", strconv.Itoa(s.balancer.port()))
}

// dial makes a connection with TLS.
func (s *suite) dial(ctx context.Context, address string, protocols ...string) (net.Conn, error) {
	return (&tls.Dialer{Config: s.tlsConfig(protocols...)}).DialContext(ctx, "tcp", address)
}

// freshClient makes a new connection for each request.
func (s *suite) freshClient(address string, http2 bool) *http.Client {
	protocol := "http/1.1"
	if http2 {
		protocol = "h2"
	}
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		ForceAttemptHTTP2: http2,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.dial(ctx, address, protocol)
		},
	}}
}

// freshCaller asks the webhook as an API server does that has no connection to it
// yet.
func (s *suite) freshCaller(http2 bool) func(context.Context, *load, int) {
	client := s.freshClient(s.balancerAddress(), http2)
	return func(ctx context.Context, l *load, n int) {
		path, platform := admission.DataImportCronMutatePath, ""
		if n%2 == 1 {
			path, platform = admission.DataImportCronValidatePath, otherPlatform
		}
		began := time.Now()
		response, err := ask(ctx, client, path, review(fmt.Sprintf("f%d", n), platform))
		l.done(byFresh, began, err)
		switch {
		case err != nil:
		case platform == "" && len(response.Patch) == 0:
			l.wrong(&l.unmutated, "no patch in %v", response)
		case platform != "" && response.Allowed:
			l.wrong(&l.admitted, "%v", response)
		}
	}
}

// handshaker makes connections, and does not use them.
func (s *suite) handshaker() func(context.Context, *load, int) {
	return func(ctx context.Context, l *load, n int) {
		began := time.Now()
		conn, err := s.dial(ctx, s.balancerAddress(), "http/1.1")
		l.done(byHandshake, began, err)
		if err == nil {
			_ = conn.Close()
		}
	}
}

const reviewUID = "chaos"

// review asks about the creation of a DataImportCron.
func review(base, platform string) []byte {
	object := cron(base, platform)
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: reviewUID, Operation: admissionv1.Create, Namespace: streamed, Name: object.GetName(),
			Kind:   metav1.GroupVersionKind{Group: "cdi.kubevirt.io", Version: "v1beta1", Kind: "DataImportCron"},
			Object: runtime.RawExtension{Raw: raw},
		},
	})
	if err != nil {
		panic(err)
	}
	return body
}

func ask(ctx context.Context, client *http.Client, path string, body []byte) (*admissionv1.AdmissionResponse, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+cluster.ServiceHost+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return do(client, request)
}

func do(client *http.Client, request *http.Request) (*admissionv1.AdmissionResponse, error) {
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return answer(response)
}

// answer reads a review's answer.
func answer(response *http.Response) (*admissionv1.AdmissionResponse, error) {
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	answered := &admissionv1.AdmissionReview{}
	if err := json.Unmarshal(content, answered); response.StatusCode != http.StatusOK || err != nil {
		return nil, fmt.Errorf("%s, %w: %s", response.Status, err, content)
	}
	if answered.Response == nil || answered.Response.UID != reviewUID {
		return nil, fmt.Errorf("no answer to this request: %s", content)
	}
	return answered.Response, nil
}
