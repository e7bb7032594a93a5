package fanout

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// benchVersion is the version of the benchmarks' SSP.
var benchVersion = schema.GroupVersion{Group: sspGroup, Version: "v1beta3"}

// benchSSP makes an SSP with n templates of two architectures each.
func benchSSP(tb testing.TB, n int) *unstructured.Unstructured {
	tb.Helper()
	var templates []string
	for i := range n {
		templates = append(templates, fmt.Sprintf(`{
			"metadata": {"name": "image-%04d-image-cron", "labels": {"kubevirt.io/dynamic-credentials-support": "true"}, "annotations": {
				"cdi.kubevirt.io/storage.bind.immediate.requested": "true", "ssp.kubevirt.io/dict.architectures": "amd64,arm64"}},
			"spec": {"garbageCollect": "Outdated", "managedDataSource": "image-%04d", "schedule": "4 8/12 * * *", "template": {"spec": {
				"source": {"registry": {"imageStream": "image-%04d-guest", "pullMethod": "node"}},
				"storage": {"resources": {"requests": {"storage": "30Gi"}}}}}}}`, i, i, i))
	}
	ssp := &unstructured.Unstructured{}
	err := ssp.UnmarshalJSON(fmt.Appendf(nil, `{"apiVersion": %q, "kind": "SSP", "metadata": {"name": "ssp", "namespace": "kubevirt", "uid": "u", "resourceVersion": "1"},
		"spec": {"commonTemplates": {"namespace": "kubevirt", "dataImportCronTemplates": [%s]}}}`, benchVersion, strings.Join(templates, ",")))
	if err != nil {
		tb.Fatal(err)
	}
	return ssp
}

// benchPlanner plans as the controller does without flags.
func benchPlanner() *Planner {
	return &Planner{
		Rules:      arch.Rules{Accepted: arch.DefaultArchitectures(), GoldenImagesNamespace: arch.DefaultGoldenImagesNamespace},
		Namespaces: map[string]bool{arch.DefaultGoldenImagesNamespace: true},
	}
}

// benchCrons are the DataImportCrons of an SSP as they stand after some imports:
// with what the API server, kubectl and CDI have added.
func benchCrons(tb testing.TB, ssp *unstructured.Unstructured) []unstructured.Unstructured {
	tb.Helper()
	var crons []unstructured.Unstructured
	for i, it := range benchPlanner().plan(ssp).items {
		if it.problem != nil {
			tb.Fatal(it.problem)
		}
		object := it.object.DeepCopy()
		asApplied, err := json.Marshal(object)
		if err != nil {
			tb.Fatal(err)
		}
		annotations := object.GetAnnotations()
		annotations[lastAppliedAnnotation] = string(asApplied)
		annotations["cdi.kubevirt.io/storage.import.lastCronTime"] = "2026-11-22T08:04:00Z"
		annotations["cdi.kubevirt.io/storage.import.imageStreamDockerRef"] = "registry.example/images/image@sha256:" + strings.Repeat("0a", 32)
		annotations["cdi.kubevirt.io/storage.import.sourceDesiredDigest"] = "sha256:" + strings.Repeat("0a", 32)
		annotations["cdi.kubevirt.io/storage.import.storageClass"] = "ocs-storagecluster-ceph-rbd-virtualization"
		object.SetAnnotations(annotations)
		object.SetUID(types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i)))
		object.SetResourceVersion(fmt.Sprint(100000 + i))
		object.SetGeneration(7)
		object.SetCreationTimestamp(metav1.Unix(1795000000, 0))
		object.SetManagedFields(managed(asApplied))
		object.Object["status"] = benchStatus(it)
		crons = append(crons, *object)
	}
	return crons
}

// managed are the fields that two writers are recorded for: as many as the object
// has, each.
func managed(asApplied []byte) []metav1.ManagedFieldsEntry {
	var fields []string
	for _, key := range strings.Split(string(asApplied), `"`) {
		if key != "" && !strings.ContainsAny(key, `{}:, []\`) {
			fields = append(fields, fmt.Sprintf(`"f:%.40s":{}`, key))
		}
	}
	tree := metav1.NewFieldsV1("{" + strings.Join(fields, ",") + "}")
	now := metav1.Unix(1795000000, 0)
	var entries []metav1.ManagedFieldsEntry
	for _, manager := range []string{fieldOwner, "virt-cdi-controller"} {
		entries = append(entries, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: cdiVersion.String(), Time: &now, FieldsType: "FieldsV1", FieldsV1: tree,
		})
	}
	return entries
}

// benchStatus is what CDI writes.
func benchStatus(it *item) map[string]any {
	condition := func(kind, status, reason string) any {
		return map[string]any{
			"type": kind, "status": status, "reason": reason, "message": "Latest import is " + strings.ToLower(reason),
			"lastHeartbeatTime": "2026-11-22T08:05:00Z", "lastTransitionTime": "2026-11-22T08:05:00Z",
		}
	}
	name := it.dataSource + "-0a0a0a0a0a0a"
	return map[string]any{
		"conditions":             []any{condition("Progressing", "False", "NoImport"), condition("UpToDate", "True", "UpToDate")},
		"currentImports":         []any{map[string]any{"DataVolumeName": name, "Digest": "sha256:" + strings.Repeat("0a", 32)}},
		"lastExecutionTimestamp": "2026-11-22T08:04:00Z", "lastImportTimestamp": "2026-11-22T08:05:00Z",
		"lastImportedPVC": map[string]any{"name": name, "namespace": it.key.Namespace},
		"sourceFormat":    "snapshot",
	}
}

// benchAPI answers list and watch requests for DataImportCrons, in JSON and
// honouring the label selector, and has no other objects.
func benchAPI(tb testing.TB, crons []unstructured.Unstructured) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
		if err != nil || r.Method != http.MethodGet {
			http.Error(w, "not for the benchmark", http.StatusBadRequest)
			return
		}
		reply := &benchReply{w: w, metadataOnly: strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")}
		if strings.HasSuffix(r.URL.Path, "/dataimportcrons") {
			for i := range crons {
				if selector.Matches(labels.Set(crons[i].GetLabels())) {
					reply.objects = append(reply.objects, &crons[i])
				}
			}
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") == "" {
			reply.list()
			return
		}
		reply.watch(r)
	}))
	tb.Cleanup(server.Close)
	return server
}

type benchReply struct {
	w            http.ResponseWriter
	metadataOnly bool
	objects      []*unstructured.Unstructured
}

// form is an object in the form that was asked for.
func (b *benchReply) form(object *unstructured.Unstructured) map[string]any {
	if !b.metadataOnly {
		return object.Object
	}
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object.Object["metadata"]}
}

func (b *benchReply) send(value any) {
	// The client is gone where it fails.
	_ = json.NewEncoder(b.w).Encode(value)
}

func (b *benchReply) list() {
	kind, version := "List", "v1"
	if b.metadataOnly {
		kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	items := []any{}
	for _, object := range b.objects {
		items = append(items, b.form(object))
	}
	b.send(map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{"resourceVersion": "200000"}, "items": items})
}

// watch sends everything first where it is asked to, and then nothing until the
// client goes.
func (b *benchReply) watch(r *http.Request) {
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		for _, object := range b.objects {
			b.send(map[string]any{"type": "ADDED", "object": b.form(object)})
		}
		end := &unstructured.Unstructured{Object: map[string]any{}}
		end.SetAPIVersion(cdiVersion.String())
		end.SetKind(kindDataImportCron)
		end.SetResourceVersion("200000")
		end.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
		b.send(map[string]any{"type": "BOOKMARK", "object": b.form(end)})
	}
	b.w.(http.Flusher).Flush()
	<-r.Context().Done()
}
