package standing

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
)

// Cluster is where objects are read.
type Cluster struct {
	client dynamic.Interface
	// sspNamespace is the one whose SSPs count; empty: all.
	sspNamespace                       string
	ssps, dataImportCrons, dataSources schema.GroupVersionResource
}

// Open looks up in which versions a cluster serves what is read. An error names what
// it does not serve.
func Open(client dynamic.Interface, mapper meta.RESTMapper, sspNamespace string) (*Cluster, error) {
	c := &Cluster{client: client, sspNamespace: sspNamespace}
	var errs []error
	for _, of := range []struct {
		kind schema.GroupKind
		in   *schema.GroupVersionResource
	}{
		{schema.GroupKind{Group: "ssp.kubevirt.io", Kind: "SSP"}, &c.ssps},
		{schema.GroupKind{Group: "cdi.kubevirt.io", Kind: "DataImportCron"}, &c.dataImportCrons},
		{schema.GroupKind{Group: "cdi.kubevirt.io", Kind: "DataSource"}, &c.dataSources},
	} {
		mapping, err := mapper.RESTMapping(of.kind)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", of.kind, err))
			continue
		}
		*of.in = mapping.Resource
	}
	return c, errors.Join(errs...)
}

// Read lists everything once.
func (c *Cluster) Read(ctx context.Context) (Objects, error) {
	var err error
	out := Objects{OneNamespace: c.sspNamespace != ""}
	if out.SSPs, err = c.list(ctx, c.ssps, c.sspNamespace); err != nil {
		return Objects{}, err
	}
	if out.DataImportCrons, err = c.list(ctx, c.dataImportCrons, metav1.NamespaceAll); err != nil {
		return Objects{}, err
	}
	out.DataSources, err = c.list(ctx, c.dataSources, metav1.NamespaceAll)
	return out, err
}

func (c *Cluster) list(ctx context.Context, of schema.GroupVersionResource, namespace string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return c.client.Resource(of).Namespace(namespace).List(ctx, options)
	})
	err := pages.EachListItem(ctx, metav1.ListOptions{}, func(o runtime.Object) error {
		all = append(all, o.(*unstructured.Unstructured)) // the dynamic client's
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", of.GroupResource(), err)
	}
	return all, nil
}

// Watch calls changed once at the beginning and again after each change, until ctx
// ends or changed fails. Changes that come while it runs are one.
func (c *Cluster) Watch(ctx context.Context, changed func(Objects) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// One that is full knows already.
	signal := make(chan struct{}, 1)
	notify := func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
	var informers []cache.SharedIndexInformer
	for _, of := range []schema.GroupVersionResource{c.ssps, c.dataImportCrons, c.dataSources} {
		namespace := metav1.NamespaceAll
		if of == c.ssps {
			namespace = c.sspNamespace
		}
		informer := dynamicinformer.NewFilteredDynamicInformer(c.client, of, namespace, 0, cache.Indexers{}, nil).Informer()
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { notify() },
			UpdateFunc: func(any, any) { notify() },
			DeleteFunc: func(any) { notify() },
		}); err != nil {
			return err
		}
		go informer.RunWithContext(ctx)
		informers = append(informers, informer)
	}
	if !cache.WaitForCacheSync(ctx.Done(), informers[0].HasSynced, informers[1].HasSynced, informers[2].HasSynced) {
		return nil // ctx has ended
	}
	notify()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signal:
			objects := Objects{OneNamespace: c.sspNamespace != "", SSPs: stored(informers[0]), DataImportCrons: stored(informers[1]), DataSources: stored(informers[2])}
			if err := changed(objects); err != nil {
				return err
			}
		}
	}
}

func stored(informer cache.SharedIndexInformer) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, o := range informer.GetStore().List() {
		all = append(all, o.(*unstructured.Unstructured)) // the dynamic client's
	}
	return all
}
