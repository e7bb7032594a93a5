package crds_test

import (
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/dicer-dev/dicer/test/crds"
)

func TestAllHoldsTheKindsThatTheTestsNeed(t *testing.T) {
	var got []string
	for _, crd := range crds.All() {
		for _, version := range crd.Spec.Versions {
			if version.Served {
				got = append(got, crd.Spec.Names.Kind+" "+version.Name)
			}
		}
	}
	want := []string{
		"DataImportCron v1beta1", "DataSource v1beta1", "DataVolume v1beta1",
		"HyperConverged v1", "HyperConverged v1beta1", "SSP v1beta2", "SSP v1beta3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("served: %q, want %q", got, want)
	}
}

func TestDataImportCronAloneHasNoStatusSubresource(t *testing.T) {
	for kind, want := range map[string]bool{"SSP": true, "HyperConverged": true, "DataImportCron": false} {
		for _, version := range find(t, crds.All(), kind).Spec.Versions {
			if got := version.Subresources != nil && version.Subresources.Status != nil; got != want {
				t.Errorf("%s %s has a status subresource: %v, want %v", kind, version.Name, got, want)
			}
		}
	}
}

func TestInventedFieldIsInEachSpec(t *testing.T) {
	const template = "spec.commonTemplates.dataImportCronTemplates.items.spec"
	paths := map[string][]string{
		"DataImportCron": {"spec", "spec.template.spec"},
		"DataSource":     {"spec"},
		"DataVolume":     {"spec"},
		"SSP":            {"spec", template, template + ".template.spec"},
	}
	for kind, specs := range paths {
		for _, path := range specs {
			path += "." + crds.InventedField
			for _, version := range find(t, crds.WithInventedField(), kind).Spec.Versions {
				if property := at(version, path); property == nil || property.Type != "string" {
					t.Errorf("%s %s: no string property %s", kind, version.Name, path)
				}
			}
			for _, version := range find(t, crds.All(), kind).Spec.Versions {
				if at(version, path) != nil {
					t.Errorf("%s %s: property %s in the real CRD", kind, version.Name, path)
				}
			}
		}
	}
}

func find(t *testing.T, all []*apiextensionsv1.CustomResourceDefinition, kind string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	for _, crd := range all {
		if crd.Spec.Names.Kind == kind {
			return crd
		}
	}
	t.Fatalf("no CRD for %s", kind)
	return nil
}

// at returns the schema at a dotted path, in which "items" stands for the
// items of an array, or nil.
func at(version apiextensionsv1.CustomResourceDefinitionVersion, path string) *apiextensionsv1.JSONSchemaProps {
	schema := version.Schema.OpenAPIV3Schema
	for _, name := range strings.Split(path, ".") {
		if name == "items" && schema.Items != nil {
			schema = schema.Items.Schema
			continue
		}
		property, found := schema.Properties[name]
		if !found {
			return nil
		}
		schema = &property
	}
	return schema
}
