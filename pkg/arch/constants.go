package arch

const (
	// ListAnnotation names the architectures of a template, separated by
	// commas: "amd64,arm64". SSP's and HCO's annotation.
	ListAnnotation = "ssp.kubevirt.io/dict.architectures"

	// ArchitectureLabel holds the one architecture that a DataImportCron (and
	// its DataSource) imports: "arm64". SSP's label.
	ArchitectureLabel = "template.kubevirt.io/architecture"

	// BaseLabel holds the template's managedDataSource, without the suffix of
	// an architecture: "rhel10". CDI's label.
	BaseLabel = "cdi.kubevirt.io/storage.import.datasource-name"

	// ManagedByLabel names the program that owns an object. Kubernetes' label.
	ManagedByLabel = "app.kubernetes.io/managed-by"

	// ManagedBySSP is ManagedByLabel's value on what the SSP operator creates.
	ManagedBySSP = "ssp-operator"

	// ManagedByHCO is ManagedByLabel's value on the SSP that the
	// HyperConverged Cluster Operator creates.
	ManagedByHCO = "hco-operator"

	// EnableAnnotation is "false" on a template that HCO is to leave out, be it the
	// user's or a common one. HCO's annotation.
	EnableAnnotation = "dataimportcrontemplate.kubevirt.io/enable"

	// DefaultGoldenImagesNamespace is where a template without a namespace
	// gets its DataImportCrons: SSP's default.
	DefaultGoldenImagesNamespace = "kubevirt-os-images"

	// lastAppliedAnnotation is kubectl's record of the manifest that it
	// applied. It describes the template's object, not the DataImportCron.
	lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

	// operatorSDKPrefix starts the annotations by which the SSP operator finds
	// the owner of an object: "operator-sdk/primary-resource".
	operatorSDKPrefix = "operator-sdk/"

	// maxNameLength is the most characters that CDI allows in the name of a
	// DataImportCron and of a managed DataSource.
	maxNameLength = 63

	// maxCronJobNameLength is the most characters that Kubernetes allows in
	// the name of a CronJob, and cronJobSuffixLength what CDI appends to the
	// DataImportCron's name for it: "-" and eight hexadecimal digits.
	maxCronJobNameLength = 52
	cronJobSuffixLength  = 9
)
