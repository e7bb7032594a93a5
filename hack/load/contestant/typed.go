package contestant

import (
	"context"
	"strings"

	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// completer makes the changes of pkg/arch in the usual way: decode the whole
// object, change it, and let the library find the differences.
type completer struct{}

// Default implements admission.Defaulter.
func (completer) Default(_ context.Context, cron *cdiv1beta1.DataImportCron) error {
	architecture := cron.Labels[arch.ArchitectureLabel]
	if architecture == "" {
		architecture = cron.Annotations[arch.ListAnnotation]
	}
	// What is no single architecture is dicer's to judge: nothing here sends it.
	if architecture == "" || strings.Contains(architecture, ",") {
		return nil
	}
	suffix := arch.Arch(architecture).Suffix()
	base := cron.Labels[arch.BaseLabel]
	if base == "" {
		base = strings.TrimSuffix(cron.Spec.ManagedDataSource, suffix)
	}
	if cron.Labels == nil {
		cron.Labels = map[string]string{}
	}
	cron.Labels[arch.ArchitectureLabel] = architecture
	cron.Labels[arch.BaseLabel] = base
	delete(cron.Annotations, arch.ListAnnotation)
	cron.Spec.ManagedDataSource = base + suffix
	if source := cron.Spec.Template.Spec.Source; source != nil && source.Registry != nil {
		if source.Registry.Platform == nil {
			source.Registry.Platform = &cdiv1beta1.PlatformOptions{}
		}
		source.Registry.Platform.Architecture = architecture
	}
	return nil
}
