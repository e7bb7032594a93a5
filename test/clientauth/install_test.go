package clientauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// caller is a way in which the API server calls: a Service's name, and the
// certificate that it shows there.
type caller struct {
	service string
	// by is the certificate's CA; none: no certificate.
	by, name string
	expired  bool
	answered bool
}

var callers = []caller{
	{service: "dicer-webhook", by: "ours", name: "kube-apiserver", answered: true},
	{service: "without-certificate"},
	{service: "of-another-ca", by: "theirs", name: "kube-apiserver"},
	{service: "of-another-name", by: "ours", name: "system-node"},
	{service: "expired", by: "ours", name: "kube-apiserver", expired: true},
	// Its CA is not in the file at first.
	{service: "of-the-next-ca", by: "next", name: "kube-apiserver"},
}

// namespace is the caller's own: writes there are judged by its webhooks alone.
func (c caller) namespace() string { return "judged-" + c.service }

// install makes a caller's Service, which leads to this machine, and the webhook
// configurations as they are shipped, but for the Service's name and port, the
// CA, and the one namespace that they are for.
func install(ctx context.Context, c caller) error {
	for _, name := range []string{webhookNamespace, c.namespace()} {
		if err := env.Namespace(ctx, name, nil); err != nil {
			return err
		}
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: webhookNamespace, Name: c.service},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}
	if err := env.Client.Create(ctx, service); err != nil {
		return err
	}
	manifests, err := env.Manifests(ctx, "deploy/webhook")
	if err != nil {
		return err
	}
	var configurations []*unstructured.Unstructured
	for _, m := range manifests {
		switch m.GetKind() {
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			m.SetName(c.service)
			if err := c.adapt(m); err != nil {
				return err
			}
			configurations = append(configurations, m)
		}
	}
	return env.Apply(ctx, configurations)
}

func (c caller) adapt(configuration *unstructured.Unstructured) error {
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return err
	}
	port, err := strconv.ParseInt(env.webhook.Port(), 10, 64)
	if err != nil {
		return err
	}
	for i := range webhooks {
		webhook, ok := webhooks[i].(map[string]any)
		if !ok {
			return fmt.Errorf("%s: webhooks[%d] is no object", configuration.GetName(), i)
		}
		for _, field := range []struct {
			value any
			path  []string
		}{
			{c.service, []string{"clientConfig", "service", "name"}},
			{port, []string{"clientConfig", "service", "port"}},
			{base64.StdEncoding.EncodeToString(env.webhook.CABundle()), []string{"clientConfig", "caBundle"}},
			{map[string]any{"matchLabels": map[string]any{corev1.LabelMetadataName: c.namespace()}}, []string{"namespaceSelector"}},
		} {
			if err := unstructured.SetNestedField(webhook, field.value, field.path...); err != nil {
				return err
			}
		}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}
