package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ssp has something of all that fan-out counts, and nothing that would have it
// write: no template may go where it wants to.
const ssp = `{"apiVersion": "ssp.kubevirt.io/v1beta3", "kind": "SSP",
"metadata": {"name": "ssp", "namespace": "kubevirt", "uid": "u", "resourceVersion": "1"},
"spec": {"cluster": {"workloadArchitectures": ["amd64"]}, "commonTemplates": {"dataImportCronTemplates": [{
	"metadata": {"name": "a", "namespace": "elsewhere", "annotations": {"ssp.kubevirt.io/dict.architectures": "amd64,arm64,arn64"}},
	"spec": {"managedDataSource": "a", "template": {"spec": {"source": {"registry": {"url": "docker://registry.invalid/a"}}}}}
}]}}}`

// api is as much of an API server as fan-out needs to work on one SSP: make
// generate has no control plane.
type api struct {
	// resources are those of each group and version that is served.
	resources map[string][]metav1.APIResource
}

func newAPI() *api {
	resource := func(kind, name string) metav1.APIResource {
		return metav1.APIResource{Name: name, Kind: kind, Namespaced: true, Verbs: metav1.Verbs{"create", "get", "list", "watch"}}
	}
	return &api{resources: map[string][]metav1.APIResource{
		"cdi.kubevirt.io/v1beta1": {resource("DataImportCron", "dataimportcrons"), resource("DataSource", "datasources")},
		"events.k8s.io/v1":        {resource("Event", "events")},
		"ssp.kubevirt.io/v1beta3": {resource("SSP", "ssps")},
	}}
}

// ServeHTTP implements http.Handler.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutPrefix(r.URL.Path, "/apis")
	path = strings.Trim(path, "/")
	switch {
	case r.Method != http.MethodGet:
		// Leases and events: as they were sent.
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		_, _ = io.Copy(w, r.Body)
	case found && path == "":
		send(w, a.groups())
	case a.resources[path] != nil:
		send(w, metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: path, APIResources: a.resources[path]})
	case strings.HasSuffix(path, "/ssps"):
		objects(w, r, json.RawMessage(ssp))
	case strings.HasSuffix(path, "/dataimportcrons"), strings.HasSuffix(path, "/datasources"):
		objects(w, r)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		send(w, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound})
	}
}

func (a *api) groups() metav1.APIGroupList {
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for served := range a.resources {
		group, version, _ := strings.Cut(served, "/")
		versions := []metav1.GroupVersionForDiscovery{{GroupVersion: served, Version: version}}
		list.Groups = append(list.Groups, metav1.APIGroup{Name: group, Versions: versions, PreferredVersion: versions[0]})
	}
	return list
}

// objects answers a list, or a watch, which ends with the client.
func objects(w http.ResponseWriter, r *http.Request, items ...json.RawMessage) {
	if r.URL.Query().Get("watch") == "" {
		send(w, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": "1"}, "items": append([]json.RawMessage{}, items...)})
		return
	}
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		// No stream of a list: the client asks for the list then.
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func send(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	// The client is gone where it fails.
	_ = json.NewEncoder(w).Encode(value)
}
