package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	patch "github.com/evanphx/json-patch/v5"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// placeholder stands where each request has a uid of its own.
const placeholder = "00000000-0000-4000-8000-000000000000"

// Review is an AdmissionReview that can be sent any number of times.
type Review struct {
	// Before and After are the body's JSON around the uid.
	Before, After []byte
	// object is what is reviewed, completed what pkg/arch makes of it; nil where
	// the object is not a DataImportCron.
	object, completed []byte
}

// Size is the body's, in bytes.
func (r *Review) Size() int { return len(r.Before) + len(placeholder) + len(r.After) }

// DataImportCron reviews the creation of an incomplete DataImportCron, of at
// least size bytes: all changes that a patch can make are needed.
func DataImportCron(size int) (*Review, error) {
	r, err := grow(size, dataImportCron)
	if err != nil {
		return nil, err
	}
	var view arch.DataImportCron
	if _, err := arch.Decode(r.object, &view); err != nil {
		return nil, err
	}
	ops, _ := arch.Rules{}.Declaration(&view).Completion()
	encoded, err := json.Marshal(ops)
	if err != nil {
		return nil, err
	}
	r.completed, err = apply(encoded, r.object)
	return r, err
}

// SSP reviews the creation of an SSP of at least size bytes, whose templates are
// without a finding.
func SSP(size int) (*Review, error) { return grow(size, ssp) }

// grow makes the object larger until the review has its size.
func grow(size int, write func(items int) (admissionv1.AdmissionRequest, error)) (*Review, error) {
	smallest, err := encode(0, write)
	if err != nil {
		return nil, err
	}
	// A first item costs more than each of the others.
	one, err := encode(1, write)
	if err != nil {
		return nil, err
	}
	two, err := encode(2, write)
	if err != nil {
		return nil, err
	}
	if size <= smallest.Size() {
		return smallest, nil
	}
	return encode(1+max(0, size-one.Size())/(two.Size()-one.Size()), write)
}

func encode(items int, write func(int) (admissionv1.AdmissionRequest, error)) (*Review, error) {
	request, err := write(items)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  &request,
	})
	if err != nil {
		return nil, err
	}
	before, after, ok := bytes.Cut(body, []byte(placeholder))
	if !ok || bytes.Contains(after, []byte(placeholder)) {
		return nil, fmt.Errorf("want the uid once in %s", body)
	}
	return &Review{Before: before, After: after, object: request.Object.Raw}, nil
}

// administrator has a client certificate.
var administrator = authenticationv1.UserInfo{
	Username: "kubernetes-admin",
	Groups:   []string{"kubeadm:cluster-admins", "system:authenticated"},
}

// pipeline is a pod with a bound token.
var pipeline = authenticationv1.UserInfo{
	Username: "system:serviceaccount:image-pipeline:applier",
	UID:      "5d3f8a5c-6f0e-4d1b-9a57-3b1f0c2e7d94",
	Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:image-pipeline", "system:authenticated"},
	Extra: map[string]authenticationv1.ExtraValue{
		"authentication.kubernetes.io/credential-id": {"JTI=0b7f6c1e-92a4-4a8c-8d55-7c1d0f3e9b26"},
		"authentication.kubernetes.io/node-name":     {"worker-17"},
		"authentication.kubernetes.io/pod-name":      {"applier-6c9d7b5f4-x2x8q"},
		"authentication.kubernetes.io/pod-uid":       {"c1a9f4de-2b60-4d0f-a3f7-51e0b3f2c8aa"},
	},
}

// creation is the request of a user who creates an object with kubectl.
func creation(user authenticationv1.UserInfo, kind metav1.GroupVersionKind, resource string, object map[string]any) (admissionv1.AdmissionRequest, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return admissionv1.AdmissionRequest{}, err
	}
	metadata := object["metadata"].(map[string]any)
	gvr := metav1.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: resource}
	return admissionv1.AdmissionRequest{
		UID:  placeholder,
		Kind: kind, Resource: gvr, RequestKind: &kind, RequestResource: &gvr,
		Name: metadata["name"].(string), Namespace: metadata["namespace"].(string),
		Operation: admissionv1.Create,
		UserInfo:  user,
		Object:    runtime.RawExtension{Raw: raw},
		DryRun:    new(bool),
		Options:   runtime.RawExtension{Raw: []byte(`{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1","fieldManager":"kubectl","fieldValidation":"Strict"}`)},
	}, nil
}

// applied adds what kubectl apply adds to a manifest.
func applied(manifest map[string]any) error {
	last, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	annotations := manifest["metadata"].(map[string]any)["annotations"].(map[string]any)
	annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(last) + "\n"
	return nil
}

// stored adds what the API server adds before it asks webhooks.
func stored(manifest map[string]any) map[string]any {
	metadata := manifest["metadata"].(map[string]any)
	fields := fieldsOf(map[string]any{
		"metadata": map[string]any{"annotations": metadata["annotations"], "labels": metadata["labels"]},
		"spec":     manifest["spec"],
	})
	metadata["creationTimestamp"] = "2026-03-02T09:41:17Z"
	metadata["generation"] = 1
	metadata["uid"] = "7c7b2a5e-3c58-4a0b-8f1e-5f7d9f6a1b20"
	metadata["managedFields"] = []any{map[string]any{
		"apiVersion": manifest["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": fields,
		"manager": "kubectl", "operation": "Update", "time": "2026-03-02T09:41:17Z",
	}}
	return manifest
}

// fieldsOf is the set of fields of a value as managedFields hold it. A list is
// one field, as it is where its schema says nothing else.
func fieldsOf(value map[string]any) map[string]any {
	fields := map[string]any{}
	for key, field := range value {
		inner, ok := field.(map[string]any)
		if !ok {
			fields["f:"+key] = map[string]any{}
			continue
		}
		set := fieldsOf(inner)
		set["."] = map[string]any{}
		fields["f:"+key] = set
	}
	return fields
}

// apply applies a JSON patch.
func apply(encoded, object []byte) ([]byte, error) {
	decoded, err := patch.DecodePatch(encoded)
	if err != nil {
		return nil, err
	}
	return decoded.Apply(object)
}

// digest is a text of a digest's length, another one for each number.
func digest(number int) string {
	return "sha256:" + strings.Repeat(fmt.Sprintf("%08x", uint32(number)*2654435761), 8)
}
