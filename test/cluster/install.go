package cluster

import (
	"context"
	"encoding/base64"
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

// InstallWebhooks installs the configurations of deploy/webhook as they are
// shipped, but for clientConfig, which points to w. It returns once the API
// server calls each path of w. Another call points the same configurations
// elsewhere.
func (c *Cluster) InstallWebhooks(ctx context.Context, w *Webhook) error {
	configurations, err := c.WebhookConfigurations(ctx, w)
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

// WebhookConfigurations returns the configurations that InstallWebhooks installs.
func (c *Cluster) WebhookConfigurations(ctx context.Context, w *Webhook) ([]*unstructured.Unstructured, error) {
	manifests, err := c.Manifests(ctx, webhookManifests)
	if err != nil {
		return nil, err
	}
	var configurations []*unstructured.Unstructured
	for _, manifest := range manifests {
		switch manifest.GetKind() {
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			if err := pointAt(manifest, w); err != nil {
				return nil, err
			}
			configurations = append(configurations, manifest)
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

// pointAt replaces each clientConfig by the address of its path in w.
func pointAt(configuration *unstructured.Unstructured, w *Webhook) error {
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
		webhook["clientConfig"] = map[string]any{
			"url":      w.URL(path),
			"caBundle": base64.StdEncoding.EncodeToString(w.CABundle()),
		}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}
