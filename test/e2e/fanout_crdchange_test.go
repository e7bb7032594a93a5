package e2e

import (
	"context"
	"fmt"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

// loosen lets anything into an SSP's spec, for the time of the test.
func (p *place) loosen() {
	p.t.Helper()
	var versions []apiextensionsv1.CustomResourceDefinitionVersion
	p.changeCRD(func(crd *apiextensionsv1.CustomResourceDefinition) {
		versions = crd.DeepCopy().Spec.Versions
		anything := true
		for _, version := range crd.Spec.Versions {
			version.Schema.OpenAPIV3Schema.Properties["spec"] = apiextensionsv1.JSONSchemaProps{XPreserveUnknownFields: &anything}
		}
	})
	p.t.Cleanup(func() {
		p.changeCRD(func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Spec.Versions = versions })
	})
	object := parse(rawSSP("probe", "{commonTemplates: text}"))
	object.SetNamespace(p.ssps)
	p.eventually(func() error { return env.Client.Create(p.t.Context(), object) })
	p.delete(object)
}

const sspCRD = "ssps.ssp.kubevirt.io"

// serve sets whether SSPs are served, and returns when it shows.
func (p *place) serve(served bool) {
	p.t.Helper()
	p.changeCRD(func(crd *apiextensionsv1.CustomResourceDefinition) {
		for i := range crd.Spec.Versions {
			crd.Spec.Versions[i].Served = served
		}
	})
	p.untilServed(served)
}

// changeCRD changes the CRD of SSPs.
func (p *place) changeCRD(change func(*apiextensionsv1.CustomResourceDefinition)) {
	p.t.Helper()
	// The test's context is over when it cleans up.
	ctx := context.WithoutCancel(p.t.Context())
	err := cluster.Eventually(ctx, time.Minute, func(ctx context.Context) error {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := env.Client.Get(ctx, client.ObjectKey{Name: sspCRD}, crd); err != nil {
			return err
		}
		change(crd)
		return env.Client.Update(ctx, crd)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// untilServed returns when SSPs are served in each version, or in none, in
// discovery too.
func (p *place) untilServed(served bool) {
	p.t.Helper()
	found, err := discovery.NewDiscoveryClientForConfig(env.Config)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx := context.WithoutCancel(p.t.Context())
	err = cluster.Eventually(ctx, time.Minute, func(ctx context.Context) error {
		for _, version := range []string{"v1beta2", "v1beta3"} {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(schema.GroupVersionKind{Group: "ssp.kubevirt.io", Version: version, Kind: "SSPList"})
			if err := env.Client.List(ctx, list); (err == nil) != served {
				return fmt.Errorf("listing SSPs of %s, which are to be served: %t: %v", version, served, err)
			}
			if _, err := found.ServerResourcesForGroupVersion("ssp.kubevirt.io/" + version); (err == nil) != served {
				return fmt.Errorf("discovering SSPs of %s, which are to be served: %t: %v", version, served, err)
			}
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// uninstall deletes the CRD, and returns when it is gone.
func (p *place) uninstall() {
	p.t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: sspCRD}}
	p.delete(crd)
	p.eventually(func() error {
		err := env.Client.Get(p.t.Context(), client.ObjectKeyFromObject(crd), crd)
		if err == nil {
			return fmt.Errorf("%s is there", sspCRD)
		}
		return client.IgnoreNotFound(err)
	})
	p.untilServed(false)
}

// install creates the CRD where it is not there.
func (p *place) install() {
	p.t.Helper()
	for _, crd := range crds.All() {
		if crd.Name == sspCRD {
			if err := env.Client.Create(context.WithoutCancel(p.t.Context()), crd.DeepCopy()); client.IgnoreAlreadyExists(err) != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.untilServed(true)
}

// restoreSSPs brings back, when the test ends, the SSPs of all other tests.
func (p *place) restoreSSPs() {
	p.t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "ssp.kubevirt.io", Version: "v1beta3", Kind: "SSPList"})
	if err := env.Client.List(p.t.Context(), list); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		ctx := context.WithoutCancel(p.t.Context())
		p.install()
		for _, old := range list.Items {
			err := cluster.Eventually(ctx, time.Minute, func(ctx context.Context) error {
				// Invalid ones get in as an administrator restores them.
				if err := env.Namespace(ctx, old.GetNamespace(), map[string]string{"dicer.dev/admission": "ignore"}); err != nil {
					return err
				}
				return client.IgnoreAlreadyExists(env.Client.Create(ctx, &unstructured.Unstructured{Object: bare(&old)}))
			})
			if err != nil {
				p.t.Errorf("restoring SSP %s: %v", old.GetName(), err)
			}
		}
		if err := env.Namespace(ctx, sspNamespace, nil); err != nil {
			p.t.Error(err)
		}
	})
}
