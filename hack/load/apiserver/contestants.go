package apiserver

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/hack/load/contestant"
	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/mutatingpolicy"
)

// The contestants.
const (
	none   = "none"
	policy = "policy"
	noop   = "noop"
	typed  = "typed"
	dicer  = "dicer"
)

// contestants are all, in the order that they are told.
var contestants = []string{none, policy, noop, typed, dicer}

// effectTimeout bounds the wait for the API server to notice what is installed,
// which reaches it through a watch.
const effectTimeout = 2 * time.Minute

// patience is the timeoutSeconds of every webhook: a slow answer is no wrong one.
const patience = 30

// installation is one contestant, and what it does when it is installed.
type installation struct {
	name string
	// objects are what is installed.
	objects []*unstructured.Unstructured
	// completes tells that it makes DataImportCrons complete, emptyFields that it
	// adds what a Go type writes of itself.
	completes, emptyFields bool
	// ssps tells that SSPs are its matter too: it is not compared otherwise.
	ssps bool
	// calls are those of its webhooks that a write of a kind brings, probed those
	// that a probe does.
	calls  func(kind) int
	probed int
	// counted counts them all. The API server does so for each contestant.
	counted []counter
}

// kinds are those that it is measured with.
func (c *installation) kinds() []kind {
	return slices.DeleteFunc(kinds(), func(k kind) bool { return k.ssp && !c.ssps })
}

// counter returns how many calls there were so far.
type counter func(context.Context) (int, error)

func never(kind) int { return 0 }

func always(kind) int { return 1 }

// installations are the contestants, made of their servers.
func (b *bench) installations(ctx context.Context) ([]*installation, error) {
	completer, binding, err := mutatingpolicy.Objects(b.cluster.Client.RESTMapper())
	if err != nil {
		return nil, err
	}
	shipped, err := b.shipped(ctx)
	if err != nil {
		return nil, err
	}
	allowURL, typedURL := b.urls[contestant.Allow], b.urls[contestant.Typed]
	installations := []*installation{
		{name: none, ssps: true, calls: never},
		{name: policy, objects: []*unstructured.Unstructured{completer, binding}, completes: true, calls: never},
		{name: noop, ssps: true, calls: always, probed: 2, objects: []*unstructured.Unstructured{
			b.configuration("MutatingWebhookConfiguration", noop, allowURL, "cdi.kubevirt.io", "v1beta1", "dataimportcrons"),
			b.configuration("ValidatingWebhookConfiguration", noop, allowURL, "ssp.kubevirt.io", "v1beta3", "ssps"),
		}},
		{name: typed, completes: true, emptyFields: true, calls: always, probed: 1, objects: []*unstructured.Unstructured{
			b.configuration("MutatingWebhookConfiguration", typed, typedURL, "cdi.kubevirt.io", "v1beta1", "dataimportcrons"),
		}},
		{name: dicer, objects: shipped, completes: true, ssps: true, calls: func(k kind) int { return k.calls }, probed: 2,
			counted: []counter{b.answered}},
	}
	for _, c := range installations {
		c.counted = append(c.counted, b.calls)
	}
	return installations, nil
}

// shipped are dicer's configurations.
func (b *bench) shipped(ctx context.Context) ([]*unstructured.Unstructured, error) {
	configurations, err := b.cluster.WebhookConfigurations(ctx, b.webhook)
	if err != nil {
		return nil, err
	}
	for _, configuration := range configurations {
		webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
		if err != nil {
			return nil, err
		}
		for _, webhook := range webhooks {
			webhook.(map[string]any)["timeoutSeconds"] = int64(patience)
		}
		if err := unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks"); err != nil {
			return nil, err
		}
	}
	return configurations, nil
}

// calls are those that the API server has made of webhooks.
func (b *bench) calls(ctx context.Context) (int, error) {
	count, err := b.cluster.Value(ctx, "apiserver_admission_webhook_request_total", nil)
	return int(count), err
}

// answered are the calls that dicer's webhook counts.
func (b *bench) answered(ctx context.Context) (int, error) {
	count := 0
	for _, path := range cluster.WebhookPaths {
		n, err := b.webhook.Requests(ctx, path)
		if err != nil {
			return 0, err
		}
		count += n
	}
	return count, nil
}

// configuration calls a webhook for every creation and update of a resource.
func (b *bench) configuration(kind, name, url, group, version, resource string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
		"metadata": map[string]any{"name": name},
		"webhooks": []any{map[string]any{
			"name":         name + ".example.com",
			"clientConfig": map[string]any{"url": url, "caBundle": base64.StdEncoding.EncodeToString(b.certificates.CABundle)},
			"rules": []any{map[string]any{
				"apiGroups": []any{group}, "apiVersions": []any{version}, "resources": []any{resource},
				"operations": []any{"CREATE", "UPDATE"},
			}},
			"sideEffects": "None", "admissionReviewVersions": []any{"v1"}, "timeoutSeconds": int64(patience),
		}},
	}}
}

// install returns once the contestant is in effect, and nothing else is.
func (b *bench) install(ctx context.Context, c *installation) error {
	var objects []*unstructured.Unstructured
	for _, object := range c.objects {
		objects = append(objects, object.DeepCopy())
	}
	if err := b.cluster.Apply(ctx, objects); err != nil {
		return fmt.Errorf("installing %s: %w", c.name, err)
	}
	return b.untilInEffect(ctx, c)
}

// uninstall returns once nothing is in effect any more.
func (b *bench) uninstall(ctx context.Context, c *installation) error {
	for _, object := range c.objects {
		if err := b.cluster.Client.Delete(ctx, object.DeepCopy()); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("uninstalling %s: %w", c.name, err)
		}
	}
	return b.untilInEffect(ctx, &installation{name: none})
}

func (b *bench) untilInEffect(ctx context.Context, c *installation) error {
	err := cluster.Eventually(ctx, effectTimeout, func(ctx context.Context) error {
		before, err := b.calls(ctx)
		if err != nil {
			return err
		}
		completed, err := b.probe(ctx)
		if err != nil {
			return err
		}
		after, err := b.calls(ctx)
		if err == nil && (completed != c.completes || after-before != c.probed) {
			err = fmt.Errorf("completed: %t, %d calls of webhooks; want %t, %d", completed, after-before, c.completes, c.probed)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("waiting for %s to be in effect: %w", c.name, err)
	}
	return nil
}

// probe asks for an incomplete DataImportCron and for an SSP, in a dry run.
func (b *bench) probe(ctx context.Context) (completed bool, err error) {
	cron := &unstructured.Unstructured{Object: incomplete(0)}
	if err := b.cluster.Client.Create(ctx, cron, client.DryRunAll); err != nil {
		return false, err
	}
	probed := &unstructured.Unstructured{Object: ssp(0)}
	probed.SetName("probe")
	if err := b.cluster.Client.Create(ctx, probed, client.DryRunAll); err != nil {
		return false, err
	}
	return cron.GetLabels()[arch.BaseLabel] != "", nil
}
