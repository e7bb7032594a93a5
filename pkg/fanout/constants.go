package fanout

import "time"

// ManagedBy is the value of the label app.kubernetes.io/managed-by on what
// dicer makes.
const ManagedBy = "dicer"

// The annotations on what dicer makes.
const (
	// SSPAnnotation names the SSP that asked for the object: "kubevirt/ssp".
	SSPAnnotation = "dicer.dev/ssp"
	// SSPUIDAnnotation is that SSP's UID.
	SSPUIDAnnotation = "dicer.dev/ssp-uid"
	// ObjectAnnotation names the object itself, "kubevirt-os-images/rhel10-amd64":
	// a copy under another name or in another namespace is not dicer's.
	ObjectAnnotation = "dicer.dev/object"
	// TemplateAnnotation is the name of the template: "rhel10".
	TemplateAnnotation = "dicer.dev/template"
	// DataSourceAnnotation is the DataSource that a DataImportCron manages, in
	// its namespace: "rhel10-amd64".
	DataSourceAnnotation = "dicer.dev/data-source"
	// SpecHashAnnotation is the hash of the spec that was asked for, with the
	// version of the way it is computed: "v1:" and 64 hexadecimal digits.
	SpecHashAnnotation = "dicer.dev/spec-hash"
	// MetadataKeysAnnotation lists the labels and annotations that come from
	// the template, in JSON: {"labels":["a"],"annotations":["b"]}. Others are
	// somebody else's.
	MetadataKeysAnnotation = "dicer.dev/metadata-keys"

	// ownPrefix starts the annotations above. A template cannot set them.
	ownPrefix = "dicer.dev/"
)

const (
	// pausedAnnotation on an SSP, with the value "true", is KubeVirt's way to
	// ask operators to keep their hands off.
	pausedAnnotation = "kubevirt.io/operator.paused"

	// adoptedPrefix starts the annotations by which the SSP operator marks
	// its own: "operator-sdk/primary-resource" and "...-type".
	adoptedPrefix = "operator-sdk/primary-resource"
)

const (
	// recheckInterval is how long a name that somebody else holds is left
	// alone before dicer looks again: foreign objects are not watched.
	recheckInterval = time.Minute
	// servedGrace is how long SSPs have to be served again before one that is
	// not there counts as gone: whoever puts the CRD back restores them next.
	servedGrace = 10 * time.Minute
	// resyncInterval is how often an SSP is looked at without a reason.
	resyncInterval = 30 * time.Minute
	// retellInterval is how long an event that still holds is not repeated:
	// Kubernetes keeps events for an hour.
	retellInterval = 25 * time.Minute
	// servedInterval is how often the versions that the cluster serves are
	// looked up.
	servedInterval = 15 * time.Second
	// waitInterval is how often CRDs that are waited for are looked up.
	waitInterval = 2 * time.Second
	// maxContest bounds the pause between two tries to set right what
	// somebody else keeps changing back.
	maxContest = 10 * time.Minute
)
