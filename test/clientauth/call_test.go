package clientauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

// writes is how many of each kind a caller's share is.
const writes = 20

// spec is a DataImportCron's for one architecture.
const spec = `{managedDataSource: x, schedule: "0 0 * * *", template: {spec: {source: {registry: {url: "docker://registry.invalid/x"}},
  storage: {resources: {requests: {storage: 1Gi}}}}}}`

// kinds are what is written: one that a mutating webhook has to complete, and one
// that a validating one has to judge.
var kinds = map[string]string{
	"DataImportCron": `{apiVersion: cdi.kubevirt.io/v1beta1, kind: DataImportCron, metadata: {labels: {template.kubevirt.io/architecture: arm64}}, spec: ` + spec + `}`,
	"SSP": `{apiVersion: ssp.kubevirt.io/v1beta3, kind: SSP, metadata: {}, spec: {commonTemplates: {namespace: x, dataImportCronTemplates: [
  {metadata: {name: x, annotations: {ssp.kubevirt.io/dict.architectures: "amd64,arm64"}}, spec: ` + spec + `}]}}}`,
}

// write creates an object of a kind in a caller's namespace. It is refused only
// where a webhook cannot be called; anything else is an error of the test.
func (c caller) write(ctx context.Context, kind, name string) (refused bool, err error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(kinds[kind]), object); err != nil {
		return false, err
	}
	object.SetNamespace(c.namespace())
	object.SetName(name)
	key := client.ObjectKeyFromObject(object)
	writeErr := env.Client.Create(ctx, object)
	stored := env.Client.Get(ctx, key, object)
	switch {
	case writeErr == nil && stored == nil:
		if architecture, _, _ := unstructured.NestedString(object.Object, "spec", "template", "spec", "source", "registry", "platform", "architecture"); kind == "DataImportCron" && architecture != "arm64" {
			return false, errors.New("it is stored without its architecture")
		}
		return false, nil
	case writeErr != nil && strings.Contains(writeErr.Error(), "failed calling webhook") && client.IgnoreNotFound(stored) == nil:
		return true, nil
	}
	return false, fmt.Errorf("written: %v; stored: %v", writeErr, stored)
}

// share makes a caller's writes, which all have to be answered, or refused.
func (c caller) share(t *testing.T, what string, answered bool) {
	t.Helper()
	failed := 0
	for kind := range kinds {
		for i := range writes {
			refused, err := c.write(t.Context(), kind, fmt.Sprintf("%s-%d-arm64", what, i))
			if err != nil {
				t.Errorf("%s by %s: %v", kind, c.service, err)
			}
			if refused {
				failed++
			}
		}
	}
	want := len(kinds) * writes
	if answered {
		want = 0
	}
	t.Logf("%-20s %-20s %d writes, %d refused", what, c.service, len(kinds)*writes, failed)
	if failed != want {
		t.Errorf("%s: of the writes by %s %d are refused; want %d", what, c.service, failed, want)
	}
}

// until waits until a caller's writes are all answered, or all refused: the API
// server hears of webhooks by a watch, the webhook of CAs by a look at its file.
func (c caller) until(t *testing.T, answered bool) {
	t.Helper()
	try := 0
	err := cluster.Eventually(t.Context(), 2*time.Minute, func(ctx context.Context) error {
		for kind := range kinds {
			try++
			refused, err := c.write(ctx, kind, fmt.Sprintf("try-%d-%d-arm64", time.Now().UnixNano(), try))
			if err == nil && refused == answered {
				err = fmt.Errorf("%s by %s: refused: %t", kind, c.service, refused)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheAPIServerIsAnswered(t *testing.T) {
	for _, c := range callers {
		t.Run(c.service, func(t *testing.T) {
			c.until(t, c.answered)
			before := requests(t)
			c.share(t, "at-first", c.answered)
			if after := requests(t); !c.answered && after != before {
				t.Errorf("%d requests have reached the handlers", after-before)
			}
		})
	}
}

// requests counts those that reached a handler.
func requests(t *testing.T) (count int) {
	t.Helper()
	for _, path := range cluster.WebhookPaths {
		n, err := env.webhook.Requests(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		count += n
	}
	return count
}

// TestTheCAIsReplacedWhileItRuns has both be in the file for a while, as who
// replaces one does; then the second alone, which the first one's connections do
// not outlive.
func TestTheCAIsReplacedWhileItRuns(t *testing.T) {
	first, next := named("dicer-webhook"), named("of-the-next-ca")
	t.Cleanup(func() {
		if err := trust("ours"); err != nil {
			t.Error(err)
		}
	})
	first.until(t, true)
	for _, step := range []struct {
		what        string
		trusted     []string
		first, next bool
	}{
		{"both-cas", []string{"ours", "next"}, true, true},
		{"the-next-ca", []string{"next"}, false, true},
		{"the-first-ca-again", []string{"ours"}, true, false},
	} {
		if err := trust(step.trusted...); err != nil {
			t.Fatal(err)
		}
		first.until(t, step.first)
		next.until(t, step.next)
		first.share(t, step.what, step.first)
		next.share(t, step.what, step.next)
	}
}

func named(service string) caller {
	for _, c := range callers {
		if c.service == service {
			return c
		}
	}
	panic("no caller " + service)
}
