package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"

	patch "github.com/evanphx/json-patch/v5"
	"gomodules.xyz/jsonpatch/v2"

	"github.com/dicer-dev/dicer/pkg/arch"
)

const (
	cronNamespace = "kubevirt-os-images"
	sspNamespace  = "kubevirt"
	// settled is the architecture that all declare.
	settled = "arm64"

	cronsPath = "/apis/cdi.kubevirt.io/v1beta1/namespaces/" + cronNamespace + "/dataimportcrons"
	sspsPath  = "/apis/ssp.kubevirt.io/v1beta3/namespaces/" + sspNamespace + "/ssps"
)

// kind is a kind of write.
type kind struct {
	name string
	// ssp tells that it is the update of an SSP; otherwise it is the creation of a
	// DataImportCron.
	ssp bool
	// calls are those of dicer's webhooks that each write is to bring.
	calls int
	// write is the n-th one, by a caller. Those of SSPs are to be sent in the order
	// that they are made in.
	write func(s ssps, n, caller int) (*write, error)
}

// kinds are all, in the order that they are told.
func kinds() []kind {
	return []kind{
		{"complete DataImportCron", false, 0, createOf(complete)},
		{"undeclared DataImportCron", false, 0, createOf(undeclared)},
		{"incomplete DataImportCron", false, 1, createOf(incomplete)},
		{"SSP, templates alone", true, 0, func(s ssps, n, caller int) (*write, error) {
			return s.update(caller, "/metadata/labels/load", fmt.Sprint(n))
		}},
		{"SSP, template changed", true, 1, func(s ssps, n, caller int) (*write, error) {
			return s.update(caller, templateSchedule, fmt.Sprintf("%d %d 1 * *", n%60, n/60%24))
		}},
	}
}

// write is one request, and what the API server is to return.
type write struct {
	method, path, contentType string
	body                      []byte
	// untouched is the object where nothing completes it, completed where
	// something does.
	untouched, completed map[string]any
	// caller is whose it is.
	caller int
}

func createOf(object func(n int) map[string]any) func(s ssps, n, caller int) (*write, error) {
	return func(_ ssps, n, caller int) (*write, error) {
		body, err := json.Marshal(object(n))
		if err != nil {
			return nil, err
		}
		w := &write{method: http.MethodPost, path: cronsPath, contentType: "application/json", body: body, caller: caller}
		if w.untouched, err = decode(body); err != nil {
			return nil, err
		}
		w.completed, err = completed(body)
		return w, err
	}
}

// completed is what pkg/arch makes of a DataImportCron.
func completed(object []byte) (map[string]any, error) {
	var view arch.DataImportCron
	if _, err := arch.Decode(object, &view); err != nil {
		return nil, err
	}
	decl := arch.Rules{}.Declaration(&view)
	if decl.Findings.HasErrors() {
		return nil, fmt.Errorf("a DataImportCron that is rejected: %v", decl.Findings)
	}
	ops, _ := decl.Completion()
	if len(ops) == 0 {
		return decode(object)
	}
	encoded, err := json.Marshal(ops)
	if err != nil {
		return nil, err
	}
	patched, err := apply(encoded, object)
	if err != nil {
		return nil, err
	}
	made, err := decode(patched)
	if err != nil {
		return nil, err
	}
	// The API server does not keep an empty one.
	metadata := made["metadata"].(map[string]any)
	if annotations, ok := metadata["annotations"].(map[string]any); ok && len(annotations) == 0 {
		delete(metadata, "annotations")
	}
	return made, nil
}

// ssps are what the API server has of each caller's SSP, in JSON.
type ssps map[int][]byte

// update replaces one text in a caller's SSP.
func (s ssps) update(caller int, pointer, value string) (*write, error) {
	body, err := json.Marshal([]jsonpatch.Operation{jsonpatch.NewOperation("replace", pointer, value)})
	if err != nil {
		return nil, err
	}
	if s[caller], err = apply(body, s[caller]); err != nil {
		return nil, err
	}
	w := &write{
		method: http.MethodPatch, path: sspsPath + "/" + sspName(caller), contentType: "application/json-patch+json",
		body: body, caller: caller,
	}
	w.untouched, err = decode(s[caller])
	w.completed = w.untouched
	return w, err
}

func apply(encoded, object []byte) ([]byte, error) {
	decoded, err := patch.DecodePatch(encoded)
	if err != nil {
		return nil, err
	}
	return decoded.Apply(object)
}

func decode(object []byte) (map[string]any, error) {
	var decoded map[string]any
	err := json.Unmarshal(object, &decoded)
	return decoded, err
}
