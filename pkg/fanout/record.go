package fanout

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// record is what dicer noted on an object of its own.
type record struct {
	// ssp asked for the object; uid was that SSP's.
	ssp types.NamespacedName
	uid types.UID
	// template is the name of its template.
	template string
	// dataSource is the one that a DataImportCron manages.
	dataSource string
	// hash is that of the spec that was asked for.
	hash string
	// keys are the labels and annotations that came from the template.
	keys metadataKeys
}

// metadataKeys are sorted.
type metadataKeys struct {
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

// recordOf reads the record of an object; ok tells whether the object is
// dicer's own.
func recordOf(object metav1.Object) (record, bool) {
	annotations := object.GetAnnotations()
	key := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
	ssp, valid := parseKey(annotations[SSPAnnotation])
	if object.GetLabels()[arch.ManagedByLabel] != ManagedBy || annotations[ObjectAnnotation] != key.String() || !valid || adopted(object) {
		return record{}, false
	}
	r := record{
		ssp:        ssp,
		uid:        types.UID(annotations[SSPUIDAnnotation]),
		template:   annotations[TemplateAnnotation],
		dataSource: annotations[DataSourceAnnotation],
		hash:       annotations[SpecHashAnnotation],
	}
	// Keys that cannot be read are nobody's: nothing is removed then.
	_ = json.Unmarshal([]byte(annotations[MetadataKeysAnnotation]), &r.keys)
	return r, true
}

// Owner tells who keeps a DataImportCron, by what it says of itself: ManagedBy where
// it is dicer's own, arch.ManagedBySSP where it is the SSP operator's; else nobody
// that is known, "".
func Owner(object metav1.Object) string {
	switch _, own := recordOf(object); {
	case own:
		return ManagedBy
	case adopted(object), object.GetLabels()[arch.ManagedByLabel] == arch.ManagedBySSP:
		return arch.ManagedBySSP
	default:
		return ""
	}
}

// adopted tells whether the SSP operator has made the object its own.
func adopted(object metav1.Object) bool {
	for key := range object.GetAnnotations() {
		if strings.HasPrefix(key, adoptedPrefix) {
			return true
		}
	}
	return false
}

// parseKey reads "namespace/name".
func parseKey(value string) (types.NamespacedName, bool) {
	namespace, name, found := strings.Cut(value, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}, found && namespace != "" && name != ""
}

// mark writes the record onto a new object that has only the template's labels
// and annotations yet.
func mark(object client.Object, r record) error {
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	for key := range annotations {
		if strings.HasPrefix(key, ownPrefix) {
			delete(annotations, key)
		}
	}
	delete(labels, arch.ManagedByLabel)
	keys, err := json.Marshal(metadataKeys{Labels: sortedKeys(labels), Annotations: sortedKeys(annotations)})
	if err != nil {
		return err
	}
	labels[arch.ManagedByLabel] = ManagedBy
	annotations[SSPAnnotation] = r.ssp.String()
	annotations[SSPUIDAnnotation] = string(r.uid)
	annotations[ObjectAnnotation] = client.ObjectKeyFromObject(object).String()
	annotations[TemplateAnnotation] = r.template
	annotations[MetadataKeysAnnotation] = string(keys)
	if r.hash != "" {
		annotations[SpecHashAnnotation] = r.hash
	}
	if r.dataSource != "" {
		annotations[DataSourceAnnotation] = r.dataSource
	}
	object.SetLabels(labels)
	object.SetAnnotations(annotations)
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// metadataChanges returns the merge patch's metadata that makes have what want
// is: want's keys set, and those of the record that it no longer has removed.
// Nobody else's key is in it. It is empty where nothing differs: a null for all
// labels would remove everybody's.
func metadataChanges(have metav1.Object, r record, want metav1.Object) map[string]any {
	out := map[string]any{}
	if labels := changes(have.GetLabels(), r.keys.Labels, want.GetLabels()); labels != nil {
		out["labels"] = labels
	}
	if annotations := changes(have.GetAnnotations(), r.keys.Annotations, want.GetAnnotations()); annotations != nil {
		out["annotations"] = annotations
	}
	return out
}

func changes(have map[string]string, recorded []string, want map[string]string) map[string]any {
	var out map[string]any
	set := func(key string, value any) {
		if out == nil {
			out = map[string]any{}
		}
		out[key] = value
	}
	for key, value := range want {
		if current, ok := have[key]; !ok || current != value {
			set(key, value)
		}
	}
	for _, key := range recorded {
		_, wanted := want[key]
		if _, there := have[key]; there && !wanted && !strings.HasPrefix(key, ownPrefix) && key != arch.ManagedByLabel {
			set(key, nil)
		}
	}
	return out
}
