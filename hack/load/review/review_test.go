package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dicer-dev/dicer/pkg/arch"
)

func TestReviewsHaveTheirSize(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(int) (*Review, error)
		size int
	}{
		"a small DataImportCron": {DataImportCron, 2 << 10},
		"a DataImportCron":       {DataImportCron, 10 << 10},
		"a large DataImportCron": {DataImportCron, 200 << 10},
		"a large SSP":            {SSP, 1_800_000},
	} {
		r, err := tc.make(tc.size)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(r.Size()) / float64(tc.size); got < 0.9 || got > 1.1 {
			t.Errorf("%s: %d bytes; want %d", name, r.Size(), tc.size)
		}
	}
}

func TestADataImportCronLacksEverything(t *testing.T) {
	r, err := DataImportCron(0)
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]int{string(r.object): 5, string(r.completed): 0} {
		var view arch.DataImportCron
		if _, err := arch.Decode([]byte(raw), &view); err != nil {
			t.Fatal(err)
		}
		if missing := view.Missing("arm64"); len(missing) != want {
			t.Errorf("missing %q; want %d", missing, want)
		}
	}
}

// answer writes one with a patch, or without where that is empty.
func answer(t *testing.T, uid, patch string) []byte {
	t.Helper()
	review := admissionv1.AdmissionReview{Response: &admissionv1.AdmissionResponse{Allowed: true, UID: placeholder}}
	review.APIVersion, review.Kind = "admission.k8s.io/v1", "AdmissionReview"
	if patch != "" {
		kind := admissionv1.PatchTypeJSONPatch
		review.Response.Patch, review.Response.PatchType = []byte(patch), &kind
	}
	encoded, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(encoded, []byte(placeholder), []byte(uid))
}

func TestAnswers(t *testing.T) {
	const uid = "11111111-1111-4111-8111-111111111111"
	r, err := DataImportCron(0)
	if err != nil {
		t.Fatal(err)
	}
	right := `[{"op":"remove","path":"/metadata/annotations/ssp.kubevirt.io~1dict.architectures"},
		{"op":"add","path":"/metadata/labels/template.kubevirt.io~1architecture","value":"arm64"},
		{"op":"add","path":"/metadata/labels/cdi.kubevirt.io~1storage.import.datasource-name","value":"rhel10"},
		{"op":"replace","path":"/spec/managedDataSource","value":"rhel10-arm64"},
		{"op":"add","path":"/spec/template/spec/source/registry/platform","value":{"architecture":"arm64"}}%s]`
	empty := fmt.Sprintf(right, `,{"op":"add","path":"/status","value":{}}`)
	right = fmt.Sprintf(right, "")
	for name, tc := range map[string]struct {
		answer   []byte
		contract Contract
		want     string // of the error; empty: none
	}{
		"a right patch":                  {answer(t, uid, right), Contract{Patches: true}, ""},
		"a right patch and empty fields": {answer(t, uid, empty), Contract{Patches: true, EmptyFields: true}, ""},
		"empty fields that are too much": {answer(t, uid, empty), Contract{Patches: true}, "does not make the completed object"},
		"another architecture":           {answer(t, uid, strings.ReplaceAll(right, `"arm64"`, `"s390x"`)), Contract{Patches: true, EmptyFields: true}, "does not make the completed object"},
		"a patch that does not apply":    {answer(t, uid, `[{"op":"remove","path":"/nothing"}]`), Contract{Patches: true}, "does not apply"},
		"no patch":                       {answer(t, uid, ""), Contract{Patches: true}, "no JSON patch"},
		"no patch where none is owed":    {answer(t, uid, ""), Contract{}, ""},
		"a patch where none is owed":     {answer(t, uid, right), Contract{}, "want no patch"},
		"another uid":                    {answer(t, strings.ReplaceAll(uid, "1", "2"), ""), Contract{}, "is not echoed"},
		"a rejection":                    {bytes.Replace(answer(t, uid, ""), []byte("true"), []byte("false"), 1), Contract{}, "rejected"},
		"no response":                    {[]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","x":"` + uid + `"}`), Contract{}, "no response"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := NewAnswers(r, tc.contract)
			// Twice: a wrong answer stays wrong when it is known.
			for range 2 {
				err := errors.Join(answers.Note(bytes.Clone(tc.answer), []byte(uid)), answers.Verify())
				if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
					t.Errorf("error %v; want %q", err, tc.want)
				}
			}
		})
	}
}
