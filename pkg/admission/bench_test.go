package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// discard is an http.ResponseWriter that counts what is written.
type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.n += len(p)
	return len(p), nil
}

// serve answers one body over and over, without a network.
func serve(b *testing.B, handler http.Handler, body []byte) {
	reader := bytes.NewReader(body)
	request := httptest.NewRequest(http.MethodPost, "/", reader)
	request.Header.Set("Content-Type", "application/json")
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		reader.Reset(body)
		answer := &discard{header: http.Header{}}
		handler.ServeHTTP(answer, request)
		if answer.n == 0 {
			b.Fatal("no answer")
		}
	}
}

// benchReview writes an AdmissionReview as an API server does, with the objects'
// metadata grown by managedFields and kubectl's annotation to about size bytes.
func benchReview(b *testing.B, kind, operation string, size int, object map[string]any) []byte {
	metadata := object["metadata"].(map[string]any)
	fields := map[string]any{}
	owner := map[string]any{"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "cdi.kubevirt.io/v1beta1",
		"time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": map[string]any{"f:metadata": map[string]any{"f:annotations": fields}}}
	metadata["managedFields"] = []any{owner}
	request := map[string]any{
		"uid":         "705ab4f5-6393-11e8-b7cc-42010a800002",
		"requestKind": map[string]any{"group": "cdi.kubevirt.io", "version": "v1beta1", "kind": kind},
		"name":        metadata["name"], "namespace": metadata["namespace"], "operation": operation, "dryRun": false,
		"userInfo": map[string]any{"username": "system:serviceaccount:kubevirt:gitops", "uid": "014fbff9a07c",
			"groups": []any{"system:serviceaccounts", "system:serviceaccounts:kubevirt", "system:authenticated"},
			"extra":  map[string]any{"authentication.kubernetes.io/pod-name": []any{"gitops-0"}}},
		"object": object, "options": map[string]any{"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
	}
	group := "cdi.kubevirt.io"
	if kind == "SSP" {
		group = "ssp.kubevirt.io"
	}
	request["kind"] = map[string]any{"group": group, "version": "v1beta1", "kind": kind}
	if operation == "UPDATE" {
		request["oldObject"] = object
	}
	annotations := metadata["annotations"].(map[string]any)
	grow := func(n int) []byte {
		for i := range n {
			fields[fmt.Sprint("f:example.com/annotation-", i)] = map[string]any{}
		}
		annotations["kubectl.kubernetes.io/last-applied-configuration"] = strings.Repeat(`{"key":"value"},`, n)
		body, err := json.Marshal(map[string]any{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
		if err != nil {
			b.Fatal(err)
		}
		return body
	}
	small, large := len(grow(0)), len(grow(100))
	return grow(max(0, (size-small)*100/(large-small)))
}

func benchCron() map[string]any {
	var object map[string]any
	err := json.Unmarshal([]byte(`{"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataImportCron","metadata":{"name":"rhel10-image-cron-arm64",
		"namespace":"kubevirt-os-images","labels":{"template.kubevirt.io/architecture":"arm64","kubevirt.io/dynamic-credentials-support":"true"},
		"annotations":{"cdi.kubevirt.io/storage.bind.immediate.requested":"true"}},"spec":{"garbageCollect":"Outdated","managedDataSource":"rhel10",
		"schedule":"4 8/12 * * *","template":{"metadata":{},"spec":{"source":{"registry":{"imageStream":"rhel10-guest","pullMethod":"node"}},
		"storage":{"resources":{"requests":{"storage":"30Gi"}}}},"status":{}}}}`), &object)
	if err != nil {
		panic(err)
	}
	return object
}

// BenchmarkReviewDataImportCron answers AdmissionReviews of several sizes about a
// DataImportCron that needs a patch, from the body to the answer.
func BenchmarkReviewDataImportCron(b *testing.B) {
	for _, kilobytes := range []int{2, 10, 200} {
		body := benchReview(b, "DataImportCron", "CREATE", kilobytes<<10, benchCron())
		for path, name := range map[string]string{DataImportCronMutatePath: "mutate", DataImportCronValidatePath: "validate"} {
			b.Run(fmt.Sprintf("%s/%dKB", name, kilobytes), func(b *testing.B) {
				serve(b, handlers(&Policy{})[path], body)
			})
		}
	}
}

// BenchmarkReviewSSP answers AdmissionReviews about SSPs of several sizes, from the
// body to the answer.
func BenchmarkReviewSSP(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for _, operation := range []string{"CREATE", "UPDATE"} {
			var templates []any
			for i := range n {
				template := benchCron()
				template["metadata"] = map[string]any{"name": fmt.Sprint("t", i), "annotations": map[string]any{"ssp.kubevirt.io/dict.architectures": "amd64,arm64"}}
				template["spec"].(map[string]any)["managedDataSource"] = fmt.Sprint("d", i)
				templates = append(templates, template)
			}
			body := benchReview(b, "SSP", operation, 0, map[string]any{
				"metadata": map[string]any{"name": "ssp", "namespace": "kubevirt", "annotations": map[string]any{}},
				"spec":     map[string]any{"commonTemplates": map[string]any{"dataImportCronTemplates": templates}},
			})
			b.Run(fmt.Sprintf("%s/%d", strings.ToLower(operation), n), func(b *testing.B) {
				serve(b, handlers(&Policy{})[SSPPath], body)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/template")
			})
		}
	}
}
