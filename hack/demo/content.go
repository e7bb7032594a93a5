package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// compare compares DataImportCrons with files of pkg/arch/testdata.
func (d *demo) compare(files map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := "pkg/arch/testdata/" + files[name]
		text, err := read(path)
		if err != nil {
			return err
		}
		want := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &want); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if diff := cmp.Diff(want, bare(d.stand[name])); diff != "" {
			return fmt.Errorf("%s (-%s +stands):\n%s", name, path, diff)
		}
		d.out.remark("%s is field for field what %s says", name, path)
	}
	return nil
}

// bare is an object without what the API server adds and dicer records.
func bare(object *unstructured.Unstructured) map[string]any {
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	delete(labels, arch.ManagedByLabel)
	maps.DeleteFunc(annotations, func(key, _ string) bool { return strings.HasPrefix(key, "dicer.dev/") })
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetAPIVersion(object.GetAPIVersion())
	out.SetKind(object.GetKind())
	out.SetNamespace(object.GetNamespace())
	out.SetName(object.GetName())
	out.SetLabels(labels)
	out.SetAnnotations(annotations)
	for _, field := range []string{"spec", "status"} {
		if value, ok := object.Object[field]; ok {
			out.Object[field] = value
		}
	}
	return out.Object
}

// table shows the DataImportCrons that stand. Each has to be complete for the
// architecture that its name ends in.
func (d *demo) table(ctx context.Context) error {
	columns := []string{
		"NAME:.metadata.name",
		"ARCHITECTURE:.metadata.labels." + escaped(arch.ArchitectureLabel),
		"PLATFORM:.spec.template.spec.source.registry.platform.architecture",
		"DATASOURCE:.spec.managedDataSource",
		"BASE:.metadata.labels." + escaped(arch.BaseLabel),
		"MANAGED-BY:.metadata.labels." + escaped(arch.ManagedByLabel),
	}
	table, _, err := d.Kubectl(ctx, "", "get", "dataimportcrons", "-n", imagesNamespace, "-o", "custom-columns="+strings.Join(columns, ","))
	if err != nil {
		return err
	}
	d.out.command("kubectl get dataimportcrons -n %s -o custom-columns=...", imagesNamespace)
	d.out.answer(table, false)
	for name, object := range d.stand {
		raw, err := object.MarshalJSON()
		if err != nil {
			return err
		}
		var cron arch.DataImportCron
		if _, err := arch.Decode(raw, &cron); err != nil {
			return err
		}
		a := arch.Arch(name[strings.LastIndex(name, "-")+1:])
		if !cron.CompleteFor(a) {
			return fmt.Errorf("%s is not complete for %s: %s", name, a, strings.Join(cron.Missing(a), ", "))
		}
	}
	return nil
}

// escaped is a label's key in a JSON path.
func escaped(key string) string { return strings.ReplaceAll(key, ".", `\.`) }
