package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// effectTimeout bounds the wait for the API server to notice a configuration,
// which reaches it through a watch.
const effectTimeout = 30 * time.Second

const webhookManifests = "deploy/webhook"

// WebhookConfigurations returns the configurations of deploy/webhook as they are
// shipped.
func (c *Cluster) WebhookConfigurations(ctx context.Context) ([]*unstructured.Unstructured, error) {
	manifests, err := c.Manifests(ctx, webhookManifests)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(manifests, func(manifest *unstructured.Unstructured) bool {
		kind := manifest.GetKind()
		return kind != "ValidatingWebhookConfiguration" && kind != "MutatingWebhookConfiguration"
	}), nil
}

// InstallWebhooks installs the configurations of deploy/webhook as they are
// shipped, but for clientConfig, which points to w. It returns once the API
// server calls each path of w. Another call points the same configurations
// elsewhere.
func (c *Cluster) InstallWebhooks(ctx context.Context, w *Webhook) error {
	configurations, err := c.PointedWebhookConfigurations(ctx, w)
	if err != nil {
		return err
	}
	before, err := answered(ctx, w)
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, configurations); err != nil {
		return err
	}
	err = Eventually(ctx, effectTimeout, func(ctx context.Context) error {
		return c.calledSince(ctx, w, before)
	})
	if err != nil {
		return fmt.Errorf("waiting for the webhooks to be called: %w", err)
	}
	return nil
}

// PointedWebhookConfigurations returns the configurations that InstallWebhooks
// installs.
func (c *Cluster) PointedWebhookConfigurations(ctx context.Context, w *Webhook) ([]*unstructured.Unstructured, error) {
	configurations, err := c.WebhookConfigurations(ctx)
	if err != nil {
		return nil, err
	}
	for _, configuration := range configurations {
		if err := PointWebhooks(configuration, w.clientConfig); err != nil {
			return nil, err
		}
	}
	return configurations, nil
}

// calledSince returns an error unless a probe leaves each path of w called more
// often than before.
func (c *Cluster) calledSince(ctx context.Context, w *Webhook, before map[string]int) error {
	outcome := c.probe(ctx)
	now, err := answered(ctx, w)
	if err != nil {
		return err
	}
	for _, path := range WebhookPaths {
		if now[path] == before[path] {
			return errors.Join(fmt.Errorf("%s was not called", path), outcome)
		}
	}
	return nil
}

// WebhookEnvironment returns the environment that deploy/webhook ships for the
// webhook, as key=value.
func (c *Cluster) WebhookEnvironment(ctx context.Context) ([]string, error) {
	manifests, err := c.Manifests(ctx, webhookManifests)
	if err != nil {
		return nil, err
	}
	var environment []string
	for _, manifest := range manifests {
		if manifest.GetKind() != "ConfigMap" {
			continue
		}
		data, _, err := unstructured.NestedStringMap(manifest.Object, "data")
		if err != nil {
			return nil, fmt.Errorf("reading ConfigMap %s: %w", manifest.GetName(), err)
		}
		for _, key := range slices.Sorted(maps.Keys(data)) {
			environment = append(environment, key+"="+data[key])
		}
	}
	return environment, nil
}

// PointWebhooks replaces each clientConfig of a webhook configuration by that of
// its path.
func PointWebhooks(configuration *unstructured.Unstructured, clientConfig func(path string) map[string]any) error {
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return fmt.Errorf("reading %s: %w", configuration.GetName(), err)
	}
	for i := range webhooks {
		webhook, ok := webhooks[i].(map[string]any)
		if !ok {
			return fmt.Errorf("reading %s: webhooks[%d] is no object", configuration.GetName(), i)
		}
		path, found, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil || !found {
			return fmt.Errorf("reading %s: webhooks[%d] has no clientConfig.service.path (%v)", configuration.GetName(), i, err)
		}
		webhook["clientConfig"] = clientConfig(path)
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}
