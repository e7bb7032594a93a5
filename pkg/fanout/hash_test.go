package fanout

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	sspv1beta2 "kubevirt.io/ssp-operator/api/v1beta2"
	sspv1beta3 "kubevirt.io/ssp-operator/api/v1beta3"
	"sigs.k8s.io/yaml"
)

// parse reads an object's JSON as the API server's clients do.
func parse(t testing.TB, manifest string) map[string]any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	// A kind, without which unstructured reads nothing.
	if err := object.UnmarshalJSON(fmt.Appendf(nil, `{"kind":"x","content":%s}`, raw)); err != nil {
		t.Fatal(err)
	}
	return object.Object["content"].(map[string]any)
}

func hashOf(t testing.TB, spec map[string]any) string {
	t.Helper()
	hash, err := specHash(spec)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// wholeSpec sets every field that DataImportCrons have.
const wholeSpec = `
managedDataSource: rhel10
schedule: 4 8/12 * * *
garbageCollect: Outdated
importsToKeep: 3
retentionPolicy: None
template:
  metadata:
    labels: {inner: a}
    annotations: {inner: b}
  spec:
    source: {registry: {imageStream: rhel10-guest, pullMethod: node, platform: {architecture: arm64}}}
    storage:
      accessModes: [ReadWriteOnce, ReadOnlyMany]
      volumeMode: Block
      storageClassName: fast
      selector: {matchLabels: {a: b}, matchExpressions: [{key: k, operator: In, values: [v, w]}]}
      resources: {requests: {storage: 30Gi}, limits: {storage: 40Gi}}
    contentType: kubevirt
    preallocation: true
    priorityClassName: high
    checkpoints: [{previous: a, current: b}]`

// TestTheHashOfAReleaseIsTheHashOfTheNext: another value here makes the next
// release replace every DataImportCron of every cluster.
func TestTheHashOfAReleaseIsTheHashOfTheNext(t *testing.T) {
	for name, tc := range map[string]struct{ spec, want string }{
		"nothing":       {`{}`, "v1:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		"every field":   {wholeSpec, goldenWhole},
		"what is odd":   {`{a: {requests: {storage: 1024Mi}}, n: 12, f: 1.5, b: false, s: "<&>", z: 0, e: "", o: {}}`, goldenOdd},
		"another order": {`{o: {}, e: "", z: 0, s: "<&>", b: false, f: 1.5, n: 12, a: {requests: {storage: 1Gi}}}`, goldenOdd},
	} {
		if got := hashOf(t, parse(t, tc.spec)); got != tc.want {
			t.Errorf("%s: %s; want %s", name, got, tc.want)
		}
	}
}

const (
	goldenWhole = "v1:98a70dc2c63235c36e340a47dd87f7a648e5a037805ac0bb544290df65ee8d98"
	goldenOdd   = "v1:44e46f631dd16f7a62cf08a26703ec5d361f9de48710cc192a4b79efa629cfb5"
)

// throughTyped returns the spec of an SSP's only template after a client with
// Go types has read the SSP and written it back.
func throughTyped(t *testing.T, ssp any, spec map[string]any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"spec": map[string]any{"commonTemplates": map[string]any{"dataImportCronTemplates": []any{
		map[string]any{"metadata": map[string]any{"name": "rhel10"}, "spec": spec},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, ssp); err != nil {
		t.Fatal(err)
	}
	if raw, err = json.Marshal(ssp); err != nil {
		t.Fatal(err)
	}
	templates, _, err := unstructured.NestedSlice(parse(t, string(raw)), "spec", "commonTemplates", "dataImportCronTemplates")
	if err != nil || len(templates) != 1 {
		t.Fatalf("templates %v: %v", templates, err)
	}
	return templates[0].(map[string]any)["spec"].(map[string]any)
}

func within(inner string) string {
	return `{managedDataSource: x, schedule: "", template: {spec: ` + inner + `}}`
}

func storage(inner string) string { return within(`{storage: ` + inner + `}`) }

func TestATypedClientThatWritesBackWhatItReadChangesNoHash(t *testing.T) {
	for name, spec := range map[string]string{
		"every field":                     wholeSpec,
		"no field":                        `{managedDataSource: x, schedule: "", template: {spec: {}}}`,
		"a seed":                          within(`{source: {registry: {url: "docker://x"}}, storage: {resources: {requests: {storage: 30Gi}}}}`),
		"nulls":                           `{managedDataSource: x, schedule: "", importsToKeep: null, retentionPolicy: null, template: {metadata: null, status: null, spec: {source: null, storage: null, pvc: null, checkpoints: null}}}`,
		"a null creation time":            `{managedDataSource: x, schedule: "", template: {metadata: {creationTimestamp: null}, spec: {}, status: {}}}`,
		"empty metadata":                  `{managedDataSource: x, schedule: "", template: {metadata: {labels: {}, annotations: {}, finalizers: [], ownerReferences: []}, spec: {}}}`,
		"a quantity in other words":       storage(`{resources: {requests: {storage: 1024Mi}, limits: {storage: 1.5Gi}}}`),
		"a quantity without a unit":       storage(`{resources: {requests: {storage: "32212254720"}, limits: {storage: "1e3"}}}`),
		"a quantity that is a number":     storage(`{resources: {requests: {storage: 32212254720}, limits: {storage: 1.5}}}`),
		"a quantity with zeroes":          storage(`{resources: {requests: {storage: 030.0Gi}}}`),
		"a quantity in thousandths":       storage(`{resources: {requests: {storage: 1500m}}}`),
		"a quantity of a volume claim":    within(`{pvc: {resources: {requests: {storage: 2048Mi}}}}`),
		"empty resources":                 storage(`{resources: {requests: {}, limits: {}}}`),
		"resources of nothing":            storage(`{resources: {}}`),
		"empty lists":                     storage(`{accessModes: [], selector: {matchExpressions: []}}`),
		"an empty selector":               storage(`{selector: {}}`),
		"an empty storage":                storage(`{}`),
		"an empty source":                 within(`{source: {}}`),
		"a blank source":                  within(`{source: {blank: {}}}`),
		"an empty registry":               within(`{source: {registry: {}}}`),
		"an empty platform":               within(`{source: {registry: {url: x, platform: {}}}}`),
		"empty strings that are pointers": within(`{source: {registry: {url: "", secretRef: ""}}, storage: {storageClassName: ""}}`),
		"false that is a pointer":         within(`{preallocation: false}`),
		"zero that is a pointer":          `{managedDataSource: x, schedule: "", importsToKeep: 0, template: {spec: {}}}`,
	} {
		writesBack(t, name, spec)
	}
}

// TestATypedClientThatDropsZeroValuesChangesNoHash: what is omitempty and no
// pointer in CDI's types goes with the first write of the SSP operator or HCO.
func TestATypedClientThatDropsZeroValuesChangesNoHash(t *testing.T) {
	for name, spec := range map[string]string{
		"a selector with empty labels":    storage(`{selector: {matchLabels: {}}}`),
		"a platform of no architecture":   within(`{source: {registry: {url: x, platform: {architecture: ""}}}}`),
		"empty strings that mean nothing": within(`{priorityClassName: "", serviceAccountName: "", storage: {volumeName: ""}}`),
		"empty strings of a URL source":   within(`{source: {http: {url: x, secretRef: "", certConfigMap: "", extraHeaders: [], checksum: ""}}}`),
		"false without a pointer":         within(`{finalCheckpoint: false}`),
	} {
		writesBack(t, name, spec)
	}
}

func writesBack(t *testing.T, name, spec string) {
	t.Helper()
	for version, ssp := range map[string]any{"v1beta3": &sspv1beta3.SSP{}, "v1beta2": &sspv1beta2.SSP{}} {
		t.Run(name+", "+version, func(t *testing.T) {
			before := parse(t, spec)
			after := throughTyped(t, ssp, before)
			if hashOf(t, before) != hashOf(t, after) {
				t.Errorf("the hash changes from %v\nto %v", canonicalMap(before, fields), canonicalMap(after, fields))
			}
			if again := throughTyped(t, ssp, after); hashOf(t, after) != hashOf(t, again) {
				t.Errorf("the second time the hash changes from %v\nto %v", canonicalMap(after, fields), canonicalMap(again, fields))
			}
		})
	}
}
