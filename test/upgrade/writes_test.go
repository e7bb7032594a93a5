package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	namespace = "kubevirt"
	writers   = 6
)

// outcome counts writes, and tells of those that did not become what they should.
type outcome struct {
	mu     sync.Mutex
	writes int
	wrong  []string
}

func (o *outcome) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("%d writes, %d wrong", o.writes, len(o.wrong))
}

func (o *outcome) add(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes++
	if err != nil {
		o.wrong = append(o.wrong, fmt.Sprintf("%s: %v", what, err))
	}
}

// grown returns an error until there were so many.
func (o *outcome) grown(to int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writes < to {
		return fmt.Errorf("%d writes; want %d", o.writes, to)
	}
	return nil
}

// stream writes until ctx ends. A write that has begun is answered.
func stream(ctx context.Context, c client.Client, o *outcome) *sync.WaitGroup {
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("w%d-%d", writer, i)
				ctx := context.WithoutCancel(ctx)
				dataImportCron(ctx, c, o, name)
				ssp(ctx, c, o, "v1beta2", name)
				ssp(ctx, c, o, "v1beta3", name)
			}
		})
	}
	return &group
}

// dataImportCron creates one that has to be completed, and one that is refused;
// writes its status and deletes it.
func dataImportCron(ctx context.Context, c client.Client, o *outcome, name string) {
	obj := parse(`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: NAME-arm64, namespace: kubevirt, annotations: {ssp.kubevirt.io/dict.architectures: arm64}}
spec: {managedDataSource: NAME, schedule: "4 8/12 * * *", template: {spec: {source: {registry: {url: "docker://registry.invalid/x"}}, storage: {resources: {requests: {storage: 1Gi}}}}}}`, name)
	bad := obj.DeepCopy()
	set(bad, "amd64", "spec", "template", "spec", "source", "registry", "platform", "architecture")
	o.add("a DataImportCron that contradicts itself", refused(c.Create(ctx, bad)))
	err := c.Create(ctx, obj)
	if err == nil {
		err = completed(obj, name)
	}
	o.add("a DataImportCron", err)
	set(obj, "pvc", "status", "sourceFormat")
	o.add("a DataImportCron's status", c.Update(ctx, obj))
	o.add("a DataImportCron's deletion", c.Delete(ctx, obj))
}

func completed(obj *unstructured.Unstructured, base string) error {
	source, _, _ := unstructured.NestedString(obj.Object, "spec", "managedDataSource")
	platform, _, _ := unstructured.NestedString(obj.Object, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	if source != base+"-arm64" || platform != "arm64" || len(obj.GetAnnotations()) > 0 ||
		obj.GetLabels()["template.kubevirt.io/architecture"] != "arm64" || obj.GetLabels()["cdi.kubevirt.io/storage.import.datasource-name"] != base {
		return fmt.Errorf("not completed: %v", obj.Object)
	}
	return nil
}

// ssp creates one, changes its templates, badly and well, and deletes it.
func ssp(ctx context.Context, c client.Client, o *outcome, version, name string) {
	obj := parse(`
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: NAME, namespace: kubevirt}
spec:
  commonTemplates:
    namespace: kubevirt
    dataImportCronTemplates:
    - metadata: {name: NAME, annotations: {ssp.kubevirt.io/dict.architectures: "amd64,arm64"}}
      spec: {managedDataSource: NAME, schedule: "4 8/12 * * *", template: {spec: {source: {registry: {url: "docker://registry.invalid/x"}}}}}`, name)
	obj.SetAPIVersion("ssp.kubevirt.io/" + version)
	o.add("an SSP", c.Create(ctx, obj))
	templates, _, _ := unstructured.NestedSlice(obj.Object, "spec", "commonTemplates", "dataImportCronTemplates")
	for _, change := range []struct {
		list string
		want func(error) error
	}{{"amd64,arn64", refused}, {"amd64,s390x", func(err error) error { return err }}} {
		template := templates[0].(map[string]any)
		set(&unstructured.Unstructured{Object: template}, change.list, "metadata", "annotations", "ssp.kubevirt.io/dict.architectures")
		changed := obj.DeepCopy()
		set(changed, templates, "spec", "commonTemplates", "dataImportCronTemplates")
		o.add("an SSP's list "+change.list, change.want(c.Update(ctx, changed)))
	}
	o.add("an SSP's deletion", c.Delete(ctx, obj))
}

// refused is nil for a rejection by dicer's rules.
func refused(err error) error {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Code == 422 && strings.Contains(err.Error(), ".dicer.dev") {
		return nil
	}
	return fmt.Errorf("%w; want it refused with 422", errors.Join(err, errors.New("admission")))
}

// parse reads a manifest with a name in it.
func parse(manifest, name string) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(manifest, "NAME", name)), &obj.Object); err != nil {
		panic(err)
	}
	return obj
}

func set(obj *unstructured.Unstructured, value any, path ...string) {
	if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
		panic(err)
	}
}
