package fanout

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

const sspGroup = "ssp.kubevirt.io"

// catalogue looks up which versions of SSP and CDI the cluster serves. Every
// authenticated user may.
type catalogue struct {
	discovery discovery.DiscoveryInterfaceWithContext
}

// preferred returns the version in which the cluster prefers SSPs to be read;
// ok is false while it serves none.
func (c *catalogue) preferred(ctx context.Context) (version schema.GroupVersion, ok bool, err error) {
	groups, err := c.discovery.ServerGroupsWithContext(ctx)
	if err != nil {
		return schema.GroupVersion{}, false, fmt.Errorf("looking up the served API groups: %w", err)
	}
	for _, group := range groups.Groups {
		if group.Name != sspGroup {
			continue
		}
		// Another kind of the group may have a version of its own.
		for _, served := range append([]metav1.GroupVersionForDiscovery{group.PreferredVersion}, group.Versions...) {
			version = schema.GroupVersion{Group: sspGroup, Version: served.Version}
			resource, err := c.resource(ctx, version, "ssps")
			if err != nil || resource != nil {
				return version, err == nil, err
			}
		}
	}
	return schema.GroupVersion{}, false, nil
}

// canCreate tells whether SSPs can be created, so that their CRD is neither
// missing nor on its way out: then its objects go first, without anybody
// having deleted them.
func (c *catalogue) canCreate(ctx context.Context, version schema.GroupVersion) (bool, error) {
	resource, err := c.resource(ctx, version, "ssps")
	return resource != nil && slices.Contains(resource.Verbs, "create"), err
}

// missing names what has to be served before the work can begin.
func (c *catalogue) missing(ctx context.Context) (version schema.GroupVersion, missing []string, err error) {
	version, ok, err := c.preferred(ctx)
	if err != nil {
		return version, nil, err
	}
	if !ok {
		missing = append(missing, "ssps."+sspGroup)
	}
	for _, name := range []string{"dataimportcrons", "datasources"} {
		resource, err := c.resource(ctx, cdiVersion, name)
		if err != nil {
			return version, nil, err
		}
		if resource == nil {
			missing = append(missing, name+"."+cdiVersion.Group)
		}
	}
	return version, missing, nil
}

// resource returns nil where the resource is not served.
func (c *catalogue) resource(ctx context.Context, version schema.GroupVersion, name string) (*metav1.APIResource, error) {
	list, err := c.discovery.ServerResourcesForGroupVersionWithContext(ctx, version.String())
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking up the resources of %s: %w", version, err)
	}
	for i := range list.APIResources {
		if list.APIResources[i].Name == name {
			return &list.APIResources[i], nil
		}
	}
	return nil, nil
}
