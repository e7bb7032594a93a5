package cluster

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
)

// Everything calls do with each object on the API server, whatever its kind.
func (c *Cluster) Everything(ctx context.Context, do func(kind string, object *metav1.PartialObjectMetadata)) error {
	finder, err := discovery.NewDiscoveryClientForConfig(c.Config)
	if err != nil {
		return fmt.Errorf("making a client for discovery: %w", err)
	}
	groups, err := finder.ServerPreferredResources()
	if err != nil {
		return fmt.Errorf("discovering all kinds: %w", err)
	}
	lists, err := metadata.NewForConfig(c.Config)
	if err != nil {
		return fmt.Errorf("making a client for lists: %w", err)
	}
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return err
		}
		for _, resource := range group.APIResources {
			// ComponentStatus asks processes, some of which do not run here.
			if !slices.Contains(resource.Verbs, "list") || resource.Kind == "ComponentStatus" {
				continue
			}
			list, err := lists.Resource(version.WithResource(resource.Name)).List(ctx, metav1.ListOptions{})
			// A definition that has just gone is still discovered.
			if apierrors.IsNotFound(err) {
				continue
			} else if err != nil {
				return fmt.Errorf("listing %s: %w", resource.Name, err)
			}
			for i := range list.Items {
				do(resource.Kind, &list.Items[i])
			}
		}
	}
	return nil
}
