package crds

import (
	"embed"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

//go:embed *.yaml
var files embed.FS

// InventedField is the string property that WithInventedField adds. No release
// of SSP or CDI knows it.
const InventedField = "inventedForTests"

// All returns the CRDs of SSP, HyperConverged, DataImportCron, DataSource and
// DataVolume. Each call returns new objects.
func All() []*apiextensionsv1.CustomResourceDefinition {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("listing the embedded CRDs: %v", err))
	}
	crds := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(entries))
	for _, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(fmt.Sprintf("reading the embedded CRD %s: %v", entry.Name(), err))
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(content, crd); err != nil {
			panic(fmt.Sprintf("decoding the embedded CRD %s: %v", entry.Name(), err))
		}
		crds = append(crds, crd)
	}
	return crds
}

// WithInventedField returns the CRDs of All with InventedField in every "spec"
// of every version, however deep: that of the object, of a template and of
// what the template makes. The API server keeps it there, and no API type of
// this build knows it.
func WithInventedField() []*apiextensionsv1.CustomResourceDefinition {
	crds := All()
	for _, crd := range crds {
		for i := range crd.Spec.Versions {
			invent(crd.Spec.Versions[i].Schema.OpenAPIV3Schema)
		}
	}
	return crds
}

func invent(schema *apiextensionsv1.JSONSchemaProps) {
	for name, property := range schema.Properties {
		invent(&property)
		if name == "spec" && property.Properties != nil {
			property.Properties[InventedField] = apiextensionsv1.JSONSchemaProps{Type: "string"}
		}
		schema.Properties[name] = property
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		invent(schema.Items.Schema)
	}
}
