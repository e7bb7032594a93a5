package admission

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	strict "github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kjson "sigs.k8s.io/json"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// seedBodies are what the fuzz targets start from.
func seedBodies() [][]byte {
	deep := strings.Repeat("[", 12_000) + strings.Repeat("]", 12_000)
	bodies := [][]byte{
		[]byte(``), []byte(`{`), []byte(`null`), []byte(`{"apiVersion":"v1","kind":"Pod"}`),
		[]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`),
		[]byte(`{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{` + dicRequest + `,"operation":"DELETE"}}`),
	}
	for _, request := range []string{
		dicRequest + `,"operation":"CREATE","object":` + badDIC,
		dicRequest + `,"operation":"UPDATE","object":` + badDIC + `,"oldObject":` + dyingDIC,
		dicRequest + `,"operation":"CREATE","object":{"metadata":{"labels":{"template.kubevirt.io/architecture":"arm64"}},"spec":{"managedDataSource":"x"}}`,
		sspRequest + `,"operation":"CREATE","object":` + badSSP,
		sspRequest + `,"operation":"UPDATE","object":` + badSSP + `,"oldObject":` + badSSP,
		sspRequest + `,"operation":"CREATE","object":{"spec":{"commonTemplates":{"dataImportCronTemplates":[1,null,{"metadata":[]}]}}}`,
		dicRequest + `,"operation":"CREATE","object":{"metadata":{"name":"a","name":null,"n\u0061me":"b"},"spec":{"managedDataSource":"\ud800ÿ"}}`,
		dicRequest + `,"operation":"CREATE","object":` + badDIC + `,"object":` + dyingDIC,
		dicRequest + `,"operation":"CREATE","object":{"spec":{"n":1e9999,"m":-0.0E-123456789012345678901234567890}}`,
		dicRequest + `,"operation":"CREATE","object":{"spec":` + deep + `}`,
		dicRequest + `,"operation":5,"object":{}`,
		strings.Replace(hcoRequest, "v1beta1", "v1", 1) + `,"operation":"CREATE","object":{"spec":{"workloadSources":{` + badTemplates + `}}}`,
		hcoRequest + `,"operation":"UPDATE","object":{"spec":{` + badTemplates + `}},"oldObject":{"spec":{},"status":{` + badTemplates + `}}`,
	} {
		bodies = append(bodies, reviewBody("{"+request+"}"))
	}
	return bodies
}

// FuzzBodies sends anything to every webhook: the answer is a well-formed review, or
// a 4xx that says what is wanted.
func FuzzBodies(f *testing.F) {
	paths := []string{SSPPath, DataImportCronMutatePath, DataImportCronValidatePath, HyperConvergedPath}
	for i := range paths {
		for _, seed := range seedBodies() {
			f.Add(i, seed)
		}
	}
	webhooks := handlers(&Policy{})
	f.Fuzz(func(t *testing.T, path int, body []byte) {
		webhook := webhooks[paths[uint(path)%uint(len(paths))]]
		if code, answer := send(t, webhook, body); code != http.StatusOK {
			if code != http.StatusBadRequest || string(answer) != "dicer: "+errNotAReview.Error()+"\n" {
				t.Fatalf("%q: status %d: %s", body, code, answer)
			}
			return
		}
		got := post(t, webhook, body)
		switch {
		case got.UID == "":
			t.Fatalf("%q: no uid", body)
		case got.Result == nil || got.Result.Code == 0:
			t.Fatalf("%q: no status: %+v", body, got)
		case got.Allowed != (got.Result.Code == http.StatusOK):
			t.Fatalf("%q: allowed %t with code %d", body, got.Allowed, got.Result.Code)
		case got.Patch != nil && (!got.Allowed || *got.PatchType != admissionv1.PatchTypeJSONPatch):
			t.Fatalf("%q: a patch in %+v", body, got)
		case len(got.Warnings) > maxWarnings:
			t.Fatalf("%q: %d warnings", body, len(got.Warnings))
		}
	})
}

// FuzzRead holds the reading of a whole body against the usual way: Kubernetes'
// decoder for the AdmissionReview, then sigs.k8s.io/json for each object.
func FuzzRead(f *testing.F) {
	for _, seed := range seedBodies() {
		f.Add(seed)
	}
	scheme := runtime.NewScheme()
	if err := admissionv1.AddToScheme(scheme); err != nil {
		f.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
	f.Fuzz(func(t *testing.T, body []byte) {
		same[arch.DataImportCron](t, decoder, body)
		same[ssp](t, decoder, body)
		same[hyperConverged](t, decoder, body)
	})
}

// same compares what both ways read. Of a name that stands twice in the envelope the
// last one counts there, and both here; no API server writes one.
func same[T any](t *testing.T, decoder runtime.Decoder, body []byte) {
	var anything any
	var want admissionv1.AdmissionReview
	if strict.Unmarshal(body, &anything) != nil {
		return
	}
	// Without a version of its own, or with a group alone ("x/"), the decoder takes the
	// version that it was asked for.
	if _, _, err := decoder.Decode(body, nil, &want); err != nil || want.Request == nil || want.APIVersion != reviewVersion || want.Kind == "" {
		return
	}
	got, err := read[T](body)
	if want.Request.UID == "" || want.Request.Kind.Kind == "" {
		if err == nil {
			t.Fatalf("%q: read as %+v", body, got)
		}
		return
	}
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	r := want.Request
	if got.UID != r.UID || got.Kind.Group != r.Kind.Group || got.Kind.Version != r.Kind.Version || got.Kind.Kind != r.Kind.Kind || got.Operation != r.Operation ||
		got.SubResource != r.SubResource || got.UserInfo.Username != r.UserInfo.Username || got.version != want.APIVersion {
		t.Fatalf("%q: read as %+v", body, got.request)
	}
	for _, pair := range []struct {
		got  *T
		want runtime.RawExtension
	}{{got.Object, r.Object}, {got.OldObject, r.OldObject}} {
		if (pair.got == nil) != (len(pair.want.Raw) == 0) {
			t.Fatalf("%q: read as %+v; want %q", body, pair.got, pair.want.Raw)
		}
		if pair.got == nil {
			continue
		}
		view := new(T)
		if err := kjson.UnmarshalCaseSensitivePreserveInts(pair.want.Raw, view); err == nil && !reflect.DeepEqual(pair.got, view) {
			t.Fatalf("%q: read as %+v; want %+v", body, pair.got, view)
		}
	}
}

// TestSeedsAreWhatTheyAreFor keeps the seeds of the fuzz targets from all being
// refused at the door.
func TestSeedsAreWhatTheyAreFor(t *testing.T) {
	answered := 0
	for _, seed := range seedBodies() {
		if _, err := read[json.RawMessage](seed); err == nil {
			answered++
		}
	}
	if answered < 8 {
		t.Errorf("%d seeds are AdmissionReviews; want 8 at least", answered)
	}
}
