//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	listKey = "ssp.kubevirt.io/dict.architectures"
	archKey = "template.kubevirt.io/architecture"
	baseKey = "cdi.kubevirt.io/storage.import.datasource-name"
	// valid and unknown are lists of a template.
	valid, unknown = "amd64,arm64", "amd64,arn64"
)

var kinds = map[string]schema.GroupVersion{
	"DataImportCronList": {Group: "cdi.kubevirt.io", Version: "v1beta1"},
	"SSPList":            {Group: "ssp.kubevirt.io", Version: "v1beta3"},
}

// cron is a DataImportCron that has to be completed for amd64; for a platform of
// another architecture, refused.
func cron(base, platform string) *unstructured.Unstructured {
	return parse(fmt.Sprintf(`
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataImportCron
metadata: {name: %[1]s-amd64, namespace: %[2]s, labels: {%[3]s: amd64}}
spec:
  managedDataSource: %[1]s
  schedule: 4 8/12 * * *
  template: {spec: {source: {registry: {url: "docker://registry.invalid/image"%[4]s}}, storage: {resources: {requests: {storage: 1Gi}}}}}`,
		base, streamed, archKey, platform))
}

const otherPlatform = ", platform: {architecture: s390x}"

func parse(text string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		panic(fmt.Sprintf("%v in:\n%s", err, text))
	}
	return object
}

// completed tells what of a DataImportCron is not as it has to be.
func completed(made *unstructured.Unstructured) error {
	base := strings.TrimSuffix(made.GetName(), "-amd64")
	platform, _, _ := unstructured.NestedString(made.Object, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	dataSource, _, _ := unstructured.NestedString(made.Object, "spec", "managedDataSource")
	got := []string{made.GetLabels()[archKey], made.GetLabels()[baseKey], dataSource, platform}
	if want := []string{"amd64", base, base + "-amd64", "amd64"}; !slices.Equal(got, want) {
		return fmt.Errorf("%s: architecture, base, DataSource and platform are %q; want %q", made.GetName(), got, want)
	}
	return nil
}

// cronWriter creates a DataImportCron that has to be completed, has it completed
// again, and deletes it; every fourth one has to be refused.
func (s *suite) cronWriter(writer int) func(context.Context, *load, int) {
	return func(ctx context.Context, l *load, n int) {
		base := fmt.Sprintf("c%d-%d-%d", l.number, writer, n)
		if n%4 == 3 {
			l.refused(base+" of two architectures", func() error { return s.Client.Create(ctx, cron(base, otherPlatform)) })
			return
		}
		made := cron(base, "")
		if !l.mutated(made, func() error { return s.Client.Create(ctx, made) }) {
			return
		}
		again := client.RawPatch(types.MergePatchType, []byte(fmt.Sprintf(`{"spec":{"managedDataSource":%q}}`, base)))
		if n%4 == 2 && !l.mutated(made, func() error { return s.Client.Patch(ctx, made, again) }) {
			return
		}
		began := time.Now()
		l.done(byAPIServer, began, s.Client.Delete(ctx, made))
	}
}

// mutated writes a DataImportCron and looks at what was made of it.
func (l *load) mutated(made *unstructured.Unstructured, write func() error) bool {
	began := time.Now()
	err := write()
	l.done(byAPIServer, began, err)
	if err != nil {
		return false
	}
	if err := completed(made); err != nil {
		l.wrong(&l.unmutated, "%v", err)
	}
	return true
}

// refused makes a write that has to be.
func (l *load) refused(what string, write func() error) {
	began := time.Now()
	err := write()
	var status apierrors.APIStatus
	switch {
	case err == nil:
		l.wrong(&l.admitted, "%s", what)
	case errors.As(err, &status) && status.Status().Code == http.StatusUnprocessableEntity && strings.Contains(err.Error(), "dicer.dev"):
		err = nil
	}
	l.done(byAPIServer, began, err)
}

// sspWriter changes the template of one SSP; every fourth change has to be refused.
func (s *suite) sspWriter(writer int) func(context.Context, *load, int) {
	made := false
	return func(ctx context.Context, l *load, n int) {
		object := parse(fmt.Sprintf(`
apiVersion: ssp.kubevirt.io/v1beta3
kind: SSP
metadata: {name: s%d-%d, namespace: %s}
spec: {commonTemplates: {namespace: %[3]s}}`, l.number, writer, streamed))
		if !made {
			began := time.Now()
			err := s.Client.Create(ctx, object)
			made = err == nil
			l.done(byAPIServer, began, err)
			return
		}
		list := valid
		if n%4 == 3 {
			list = unknown
		}
		write := func() error {
			return s.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, templates(n, list)))
		}
		if list == unknown {
			l.refused(object.GetName()+" with "+unknown, write)
			return
		}
		began := time.Now()
		l.done(byAPIServer, began, write())
	}
}

// templates is a patch with one template.
func templates(n int, list string) []byte {
	template := cron("template", "").Object
	template["metadata"] = map[string]any{"name": fmt.Sprintf("template-%d", n), "annotations": map[string]any{listKey: list}}
	delete(template, "apiVersion")
	delete(template, "kind")
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"commonTemplates": map[string]any{"dataImportCronTemplates": []any{template}}}})
	if err != nil {
		panic(err)
	}
	return patch
}

func (l *load) storedCron(object *unstructured.Unstructured) {
	platform, _, _ := unstructured.NestedString(object.Object, "spec", "template", "spec", "source", "registry", "platform", "architecture")
	if err := completed(object); platform == "s390x" {
		l.wrong(&l.admitted, "stored: %s of two architectures", object.GetName())
	} else if err != nil {
		l.wrong(&l.unmutated, "stored: %v", err)
	}
}

func (l *load) storedSSP(object *unstructured.Unstructured) {
	content, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	if strings.Contains(string(content), unknown) {
		l.wrong(&l.admitted, "stored: %s with %s", object.GetName(), unknown)
	}
}
