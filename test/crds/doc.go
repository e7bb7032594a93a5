// Package crds holds the CustomResourceDefinitions of SSP, CDI and HCO that the
// tests install. Those of SSP and CDI are generated from the API modules that go.mod
// pins, HCO's says where it is from.
package crds

// The options are upstream's: SSP keeps the metadata of its templates, CDI
// drops it.
//
//go:generate go tool controller-gen crd:generateEmbeddedObjectMeta=true paths=kubevirt.io/ssp-operator/api/v1beta2 paths=kubevirt.io/ssp-operator/api/v1beta3 output:dir=.
//go:generate go tool controller-gen crd paths=kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1 output:dir=.
//go:generate rm cdi.kubevirt.io_cdiconfigs.yaml cdi.kubevirt.io_cdis.yaml cdi.kubevirt.io_objecttransfers.yaml cdi.kubevirt.io_storageprofiles.yaml cdi.kubevirt.io_volumeclonesources.yaml cdi.kubevirt.io_volumeimportsources.yaml cdi.kubevirt.io_volumeuploadsources.yaml

// controller-gen finds these packages through go.mod only while something
// imports them.
import (
	_ "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	_ "kubevirt.io/ssp-operator/api/v1beta2"
	_ "kubevirt.io/ssp-operator/api/v1beta3"
)
