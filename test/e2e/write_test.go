package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

// recorder keeps the warnings that the API server sends.
type recorder struct {
	mu   sync.Mutex
	text []string
}

var _ rest.WarningHandlerWithContext = &recorder{}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (r *recorder) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, text)
}

// take returns the warnings since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text
	r.text = nil
	return text
}

// outcome is what a user sees of a write.
type outcome struct {
	// errors are the causes of a rejection: "field: message".
	errors   []string
	warnings []string
}

// see turns the result of a write into what a user sees. Any failure but a
// rejection of the object ends the test.
func see(t *testing.T, err error) outcome {
	t.Helper()
	o := outcome{warnings: env.warnings.take()}
	if err == nil {
		return o
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code != 422 || !strings.Contains(err.Error(), "dicer.dev") {
		t.Fatalf("not a rejection by dicer with code 422: %v", err)
	}
	for _, cause := range status.Status().Details.Causes {
		o.errors = append(o.errors, cause.Field+": "+cause.Message)
	}
	return o
}

// create writes a new object and deletes it when the test ends.
func create(t *testing.T, obj *unstructured.Unstructured, options ...client.CreateOption) outcome {
	t.Helper()
	env.warnings.take()
	err := env.client.Create(t.Context(), obj, options...)
	if err == nil {
		t.Cleanup(func() { remove(obj) })
	}
	return see(t, err)
}

// remove deletes an object whatever holds it.
func remove(obj *unstructured.Unstructured) {
	ctx := context.Background()
	if err := env.client.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
		return
	}
	if len(obj.GetFinalizers()) > 0 {
		obj.SetFinalizers(nil)
		_ = env.client.Update(ctx, obj)
	}
	_ = env.client.Delete(ctx, obj)
}

// update changes a stored object, as a whole.
func update(t *testing.T, obj *unstructured.Unstructured) outcome {
	t.Helper()
	env.warnings.take()
	return see(t, env.client.Update(t.Context(), obj))
}

// updateStatus changes a stored object's status subresource.
func updateStatus(t *testing.T, obj *unstructured.Unstructured) outcome {
	t.Helper()
	env.warnings.take()
	return see(t, env.client.Status().Update(t.Context(), obj))
}

// stored reads an object back.
func stored(t *testing.T, obj *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(obj.GroupVersionKind())
	if err := env.client.Get(t.Context(), client.ObjectKeyFromObject(obj), out); err != nil {
		t.Fatal(err)
	}
	return out
}

// parse reads one object from YAML.
func parse(manifest string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	if err == nil {
		err = json.Unmarshal(raw, &obj.Object)
	}
	if err != nil {
		panic(fmt.Sprintf("%v in %s", err, manifest))
	}
	return obj
}

// set changes a field of an object and returns the object.
func set(obj *unstructured.Unstructured, value any, path ...string) *unstructured.Unstructured {
	if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
		panic(err)
	}
	return obj
}

// merge is a JSON merge patch as a client sends it.
func merge(t *testing.T, obj *unstructured.Unstructured, patch string, options ...client.PatchOption) outcome {
	t.Helper()
	env.warnings.take()
	return see(t, env.client.Patch(t.Context(), obj, client.RawPatch("application/merge-patch+json", []byte(patch)), options...))
}

// event is what an audit event says about a write.
type event struct {
	ObjectRef struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Resource  string `json:"resource"`
	} `json:"objectRef"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Annotations map[string]string `json:"annotations"`
}

// auditEvents returns the events about objects whose name starts with prefix.
func auditEvents(t *testing.T, prefix string) []event {
	t.Helper()
	return auditEventsOf(t, func(e event) bool { return strings.HasPrefix(e.ObjectRef.Name, prefix) })
}

// auditEventsOf returns the events that are wanted, in order. The API server
// writes an event before it answers.
func auditEventsOf(t *testing.T, wanted func(event) bool) []event {
	t.Helper()
	file, err := os.Open(env.auditLogPath)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var events []event
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events // what is left is an event that is being written
		}
		var e event
		if err == nil {
			err = json.Unmarshal(line, &e)
		}
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if wanted(e) {
			events = append(events, e)
		}
	}
}

// calledWebhooks tells which of dicer's webhooks an event's request went to:
// each leaves its decision.
func (e event) calledWebhooks() []string {
	var called []string
	for _, webhook := range webhooks {
		if _, ok := e.Annotations[webhook+"/decision"]; ok {
			called = append(called, webhook)
		}
	}
	return called
}

func (e event) called(webhook string) bool { return slices.Contains(e.calledWebhooks(), webhook) }

func eventually(t *testing.T, condition func() error) {
	t.Helper()
	if err := cluster.Eventually(t.Context(), 30*time.Second, func(context.Context) error { return condition() }); err != nil {
		t.Fatal(err)
	}
}
