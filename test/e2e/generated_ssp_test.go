package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	validationfield "k8s.io/apimachinery/pkg/util/validation/field"
	sspv1beta3 "kubevirt.io/ssp-operator/api/v1beta3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

var templatesPath = []string{"spec", "commonTemplates", "dataImportCronTemplates"}

// TestSSPsAreAskedAboutWhereTheyHaveTemplates creates generated SSPs in a dry
// run.
func TestSSPsAreAskedAboutWhereTheyHaveTemplates(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 3))
	objects := make([]*unstructured.Unstructured, 1000)
	for i := range objects {
		objects[i] = generateSSP(random, fmt.Sprintf("generated-%d", i))
	}
	events := inDryRun(t, "create", len(objects), func(i int, owner client.FieldOwner) error {
		return env.client.Create(t.Context(), objects[i].DeepCopy(), client.DryRunAll, owner)
	})
	count := 0
	for i, obj := range objects {
		if want := expectedWebhook(obj, nil); len(templatesOf(obj)) > 0 {
			count++
			if got := events[i].calledWebhooks(); !slices.Equal(got, []string{want}) {
				t.Errorf("called %v; want %s: %v", got, want, obj.Object)
			}
		} else if got := events[i].calledWebhooks(); len(got) > 0 {
			t.Errorf("called %v in vain: %v", got, obj.Object)
		}
	}
	balanced(t, count, len(objects))
}

// TestTheConditionsOnUpdateOfSSPsLoseNothing updates generated SSPs in a dry
// run. Where no webhook is called for, the rules say of the new one what they
// said of the old; and none is where templates, cluster and deletion are left
// alone.
func TestTheConditionsOnUpdateOfSSPsLoseNothing(t *testing.T) {
	const count, namespace, versions = 100, "flipped-ssps", 25
	random := rand.New(rand.NewPCG(2, 4))
	olds := storeUnseen(t, namespace, count, func(i int) *unstructured.Unstructured {
		return generateSSP(random, fmt.Sprintf("updated-%d", i))
	})
	updates := make([]*unstructured.Unstructured, count*versions)
	quiet := make([]bool, len(updates))
	for i := range updates {
		updates[i], quiet[i] = changeSSP(random, olds[i/versions].DeepCopy())
	}
	events := inDryRun(t, "update", len(updates), func(i int, owner client.FieldOwner) error {
		return env.client.Update(t.Context(), updates[i].DeepCopy(), client.DryRunAll, owner)
	})
	asked, quietly, changed := 0, 0, 0
	for i, updated := range updates {
		old, got := olds[i/versions], events[i].calledWebhooks()
		switch {
		case len(got) > 0:
			asked++
			if quiet[i] || dying(old) {
				t.Errorf("called in vain: %v to %v", old.Object, updated.Object)
			}
			if want := expectedWebhook(updated, old); !slices.Equal(got, []string{want}) {
				t.Errorf("called %v; want %s", got, want)
			}
		case dying(old):
		default:
			if quiet[i] {
				quietly++
			} else {
				changed++
			}
			if diff := cmp.Diff(findingsOf(t, old), findingsOf(t, updated), comparePaths); diff != "" {
				t.Errorf("not called: %v to %v:\n%s", old.Object, updated.Object, diff)
			}
		}
	}
	t.Logf("not called: %d quiet ones, %d others", quietly, changed)
	balanced(t, asked, len(updates))
}

var comparePaths = cmp.Comparer(func(a, b *validationfield.Path) bool { return a.String() == b.String() })

// expectedWebhook is the one that judges an SSP, if any does.
func expectedWebhook(obj, old *unstructured.Unstructured) string {
	for _, o := range []*unstructured.Unstructured{obj, old} {
		if o != nil && o.GetLabels()[arch.ManagedByLabel] == arch.ManagedByHCO {
			return "validate.ssp-of-hco.dicer.dev"
		}
	}
	return "validate.ssp.dicer.dev"
}

func templatesOf(obj *unstructured.Unstructured) []any {
	templates, _, _ := unstructured.NestedSlice(obj.Object, templatesPath...)
	return templates
}

func findingsOf(t *testing.T, obj *unstructured.Unstructured) arch.Findings {
	t.Helper()
	raw, err := json.Marshal(obj.Object)
	var view struct {
		Spec struct {
			Cluster         arch.Nodes `json:"cluster"`
			CommonTemplates struct {
				DataImportCronTemplates []arch.DataImportCron `json:"dataImportCronTemplates"`
			} `json:"commonTemplates"`
		} `json:"spec"`
	}
	if err == nil {
		_, err = arch.Decode(raw, &view)
	}
	if err != nil {
		t.Fatal(err)
	}
	return new(arch.Rules).ValidateTemplates(arch.Templates{Items: view.Spec.CommonTemplates.DataImportCronTemplates, Nodes: view.Spec.Cluster.All()}, validationfield.NewPath("templates"))
}

// generateSSP makes an SSP of few templates whose names and DataSources may
// collide.
func generateSSP(random *rand.Rand, name string) *unstructured.Unstructured {
	obj := ssp(name)
	templates := []any{}
	for range max(0, random.IntN(6)-1) {
		templates = append(templates, generateTemplate(random))
	}
	if len(templates) > 0 || random.IntN(2) == 0 {
		set(obj, templates, templatesPath...)
	}
	if random.IntN(5) == 0 {
		set(obj, pick(random, arch.ManagedByHCO, arch.ManagedByHCO, "me"), "metadata", "labels", arch.ManagedByLabel)
	}
	if random.IntN(6) == 0 {
		obj.SetAPIVersion("ssp.kubevirt.io/v1beta2")
	} else if random.IntN(2) == 0 {
		set(obj, generateCluster(random), "spec", "cluster")
	}
	return obj
}

func generateCluster(random *rand.Rand) map[string]any {
	return map[string]any{pick(random, "workloadArchitectures", "controlPlaneArchitectures"): []any{pick(random, "amd64", "arm64", "mips"), "s390x"}}
}

func generateTemplate(random *rand.Rand) map[string]any {
	name := pick(random, "rhel10", "rhel10-amd64", "fedora", "a-name-that-is-so-long-that-no-suffix-fits-behind-it-any-more")
	cron := generate(random, name)
	cron.SetNamespace(pick(random, "", "", golden, "mine"))
	if random.IntN(3) == 0 {
		cron.SetName(name)
		cron.SetLabels(nil)
		set(cron, name, "spec", "managedDataSource")
	}
	if random.IntN(2) == 0 {
		set(cron, pick(random, "amd64", "amd64,arm64", " arm64 ,s390x", "amd64,arn64", "arm64,arm64", ",", ""), "metadata", "annotations", listKey)
	}
	// One that is empty a client with Go types would leave out: a change.
	platform := []string{"spec", "template", "spec", "source", "registry", "platform"}
	if a, _, _ := unstructured.NestedString(cron.Object, append(platform, "architecture")...); a == "" {
		unstructured.RemoveNestedField(cron.Object, platform...)
	}
	template := map[string]any{"metadata": cron.Object["metadata"], "spec": cron.Object["spec"]}
	if random.IntN(20) == 0 {
		delete(template, "metadata")
	}
	return template
}

// changeSSP makes an update by up to three changes. quiet tells that they leave
// alone what the rules read.
func changeSSP(random *rand.Rand, obj *unstructured.Unstructured) (updated *unstructured.Unstructured, quiet bool) {
	quiet = true
	onlyQuiet := random.IntN(3) == 0
	for range 1 + random.IntN(3) {
		if onlyQuiet || random.IntN(2) == 0 {
			obj = changeQuietly(random, obj)
			continue
		}
		quiet = false
		changeTemplates(random, obj)
	}
	return obj, quiet
}

func changeQuietly(random *rand.Rand, obj *unstructured.Unstructured) *unstructured.Unstructured {
	templates := templatesOf(obj)
	switch random.IntN(7) {
	case 0:
		set(obj, "1", "metadata", pick(random, "labels", "annotations"), "mine")
	case 1:
		set(obj, pick(random, arch.ManagedByHCO, "me"), "metadata", "labels", arch.ManagedByLabel)
	case 2:
		set(obj, int64(2), "spec", "templateValidator", "replicas")
	case 3:
		set(obj, "elsewhere", "spec", "commonTemplates", "namespace")
	case 4:
		if obj.GroupVersionKind().Version == "v1beta3" {
			obj = typed(obj, &sspv1beta3.SSP{})
		}
	default:
		if len(templates) > 0 {
			template := &unstructured.Unstructured{Object: pick(random, templates...).(map[string]any)}
			set(template, int64(random.IntN(5)), "spec", "importsToKeep")
			set(template, "All", "spec", "retentionPolicy")
			set(template, map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}}}, "spec", "template", "spec", "storage")
			set(obj, templates, templatesPath...)
		}
	}
	return obj
}

func changeTemplates(random *rand.Rand, obj *unstructured.Unstructured) {
	templates := templatesOf(obj)
	i := 0
	if len(templates) > 0 {
		i = random.IntN(len(templates))
	}
	switch way := random.IntN(6); {
	case way == 0:
		unstructured.RemoveNestedField(obj.Object, "spec", "cluster")
		if obj.GroupVersionKind().Version == "v1beta3" {
			set(obj, generateCluster(random), "spec", "cluster")
		}
	case way == 1 || len(templates) == 0:
		templates = slices.Insert(templates, i, any(generateTemplate(random)))
	case way == 2:
		templates = slices.Delete(templates, i, i+1)
	case way == 3:
		templates[0], templates[i] = templates[i], templates[0]
	case way == 4:
		templates[i] = generateTemplate(random)
	default:
		part := pick(random, []string{"metadata", "labels"}, []string{"metadata", "annotations"}, []string{"metadata", "name"},
			[]string{"spec", "managedDataSource"}, []string{"spec", "template", "spec", "source"}, []string{"spec", "schedule"})
		template := &unstructured.Unstructured{Object: templates[i].(map[string]any)}
		if value, found, _ := unstructured.NestedFieldCopy(generateTemplate(random), part...); found {
			set(template, value, part...)
		}
	}
	set(obj, templates, templatesPath...)
}
