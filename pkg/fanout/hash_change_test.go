package fanout

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestEveryRealChangeChangesTheHash(t *testing.T) {
	seen := map[string]string{hashOf(t, parse(t, wholeSpec)): "no change"}
	for name, change := range map[string]struct {
		value any
		path  []string
	}{
		"DataSource":             {"rhel9", []string{"managedDataSource"}},
		"schedule":               {"0 0 * * *", []string{"schedule"}},
		"garbage collection":     {"Never", []string{"garbageCollect"}},
		"imports to keep":        {int64(4), []string{"importsToKeep"}},
		"no imports to keep":     {int64(0), []string{"importsToKeep"}},
		"retention":              {"All", []string{"retentionPolicy"}},
		"a service account":      {"mine", []string{"serviceAccountName"}},
		"a field of tomorrow":    {"x", []string{"tomorrow"}},
		"an object of tomorrow":  {map[string]any{}, []string{"tomorrow"}},
		"label":                  {"b", []string{"template", "metadata", "labels", "inner"}},
		"annotation":             {"c", []string{"template", "metadata", "annotations", "inner"}},
		"another source":         {map[string]any{"http": map[string]any{"url": "x"}}, []string{"template", "spec", "source"}},
		"blank source":           {map[string]any{"blank": map[string]any{}}, []string{"template", "spec", "source"}},
		"upload source":          {map[string]any{"upload": map[string]any{}}, []string{"template", "spec", "source"}},
		"empty source":           {map[string]any{}, []string{"template", "spec", "source"}},
		"image stream":           {"rhel9-guest", []string{"template", "spec", "source", "registry", "imageStream"}},
		"URL":                    {"docker://x", []string{"template", "spec", "source", "registry", "url"}},
		"pull method":            {"pod", []string{"template", "spec", "source", "registry", "pullMethod"}},
		"platform":               {"s390x", []string{"template", "spec", "source", "registry", "platform", "architecture"}},
		"variant":                {"v8", []string{"template", "spec", "source", "registry", "platform", "variant"}},
		"access modes reversed":  {[]any{"ReadOnlyMany", "ReadWriteOnce"}, []string{"template", "spec", "storage", "accessModes"}},
		"fewer access modes":     {[]any{"ReadOnlyMany"}, []string{"template", "spec", "storage", "accessModes"}},
		"no access modes":        {[]any{}, []string{"template", "spec", "storage", "accessModes"}},
		"volume mode":            {"Filesystem", []string{"template", "spec", "storage", "volumeMode"}},
		"storage class":          {"slow", []string{"template", "spec", "storage", "storageClassName"}},
		"storage class of none":  {"", []string{"template", "spec", "storage", "storageClassName"}},
		"a selector of one":      {"c", []string{"template", "spec", "storage", "selector", "matchLabels", "a"}},
		"an empty selector":      {map[string]any{}, []string{"template", "spec", "storage", "selector"}},
		"request":                {"30G", []string{"template", "spec", "storage", "resources", "requests", "storage"}},
		"a request of zero":      {"0", []string{"template", "spec", "storage", "resources", "requests", "storage"}},
		"limit":                  {"41Gi", []string{"template", "spec", "storage", "resources", "limits", "storage"}},
		"a request of any thing": {"1", []string{"template", "spec", "storage", "resources", "requests", "thing"}},
		"content type":           {"archive", []string{"template", "spec", "contentType"}},
		"preallocation":          {false, []string{"template", "spec", "preallocation"}},
		"priority":               {"low", []string{"template", "spec", "priorityClassName"}},
		"checkpoint":             {[]any{map[string]any{"previous": "a", "current": "c"}}, []string{"template", "spec", "checkpoints"}},
		"last checkpoint":        {true, []string{"template", "spec", "finalCheckpoint"}},
	} {
		spec := parse(t, wholeSpec)
		if err := unstructured.SetNestedField(spec, change.value, change.path...); err != nil {
			t.Fatal(err)
		}
		differs(t, seen, name, spec)
	}
	for _, path := range [][]string{
		{"schedule"}, {"garbageCollect"}, {"importsToKeep"}, {"retentionPolicy"},
		{"template", "metadata"}, {"template", "metadata", "labels"}, {"template", "metadata", "annotations"},
		{"template", "spec", "source"}, {"template", "spec", "source", "registry", "platform"}, {"template", "spec", "source", "registry", "platform", "architecture"}, {"template", "spec", "source", "registry", "pullMethod"},
		{"template", "spec", "storage"}, {"template", "spec", "storage", "storageClassName"}, {"template", "spec", "storage", "selector"},
		{"template", "spec", "storage", "resources"}, {"template", "spec", "storage", "resources", "requests"}, {"template", "spec", "storage", "resources", "limits"},
		{"template", "spec", "preallocation"}, {"template", "spec", "contentType"},
	} {
		spec := parse(t, wholeSpec)
		unstructured.RemoveNestedField(spec, path...)
		differs(t, seen, "without "+path[len(path)-1], spec)
	}
}

// TestALabelWithoutAValueIsALabel: typed clients drop no entry of a map, and a
// selector with one selects other volumes.
func TestALabelWithoutAValueIsALabel(t *testing.T) {
	for name, path := range map[string][]string{
		"selector":   {"template", "spec", "storage", "selector", "matchLabels", "b"},
		"label":      {"template", "metadata", "labels", "b"},
		"annotation": {"template", "metadata", "annotations", "b"},
	} {
		with := parse(t, wholeSpec)
		if err := unstructured.SetNestedField(with, "", path...); err != nil {
			t.Fatal(err)
		}
		differs(t, map[string]string{hashOf(t, parse(t, wholeSpec)): "without it"}, name, with)
	}
}

func differs(t *testing.T, seen map[string]string, name string, spec map[string]any) {
	t.Helper()
	hash := hashOf(t, spec)
	if other, ok := seen[hash]; ok {
		t.Errorf("%q and %q have one hash", name, other)
	}
	seen[hash] = name
}

func TestHashingLeavesTheSpecAsItIs(t *testing.T) {
	spec, same := parse(t, wholeSpec), parse(t, wholeSpec)
	spec["nothing"], same["nothing"] = nil, nil
	hashOf(t, spec)
	if !equalJSON(t, spec, same) {
		t.Errorf("it became %v", spec)
	}
}

func TestTheHashOfSomethingThatIsNoQuantityIsThatOfItsText(t *testing.T) {
	seen := map[string]string{}
	for _, value := range []any{"30 Gi", "", "Gi", true, int64(1), "2", map[string]any{}, []any{"1"}, "99999999999999999999999"} {
		spec := map[string]any{"requests": map[string]any{"storage": value}}
		differs(t, seen, describe(value), spec)
	}
}
