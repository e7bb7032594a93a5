package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/test/mutatingpolicy"
)

// TestTheMutatingPolicyMakesTheSameChange creates the same DataImportCrons, in a
// dry run, where dicer is at work and where the policy is: what the API server
// returns has to be the same.
func TestTheMutatingPolicyMakesTheSameChange(t *testing.T) {
	const namespace = "by-policy"
	if err := env.Namespace(t.Context(), namespace, map[string]string{"dicer.dev/admission": "ignore"}); err != nil {
		t.Fatal(err)
	}
	installPolicy(t, namespace)
	objects := seeds()
	random := rand.New(rand.NewPCG(2, 5))
	for i := range 3000 {
		obj := generate(random, fmt.Sprintf("same-%d", i))
		if random.IntN(20) == 0 {
			set(obj, arch.ManagedBySSP, "metadata", "labels", arch.ManagedByLabel)
		}
		if random.IntN(4) == 0 {
			spoil(random, obj)
		}
		objects = append(objects, obj)
	}
	const rejected, changed, unchanged = 0, 1, 2
	outcomes := make([]int, len(objects))
	var writers errgroup.Group
	writers.SetLimit(8)
	for i, obj := range objects {
		writers.Go(func() error {
			byDicer, dicerErr := created(t.Context(), obj, golden)
			byPolicy, policyErr := created(t.Context(), obj, namespace)
			switch {
			case policyErr != nil && (strings.Contains(policyErr.Error(), "olicy") || dicerErr == nil):
				return fmt.Errorf("%v: %w", obj.Object, policyErr)
			case dicerErr != nil:
			case !cmp.Equal(byDicer.Object, byPolicy.Object):
				return fmt.Errorf("%v (-dicer +policy):\n%s", obj.Object, cmp.Diff(byDicer.Object, byPolicy.Object))
			case cmp.Equal(readByTheRules(obj), readByTheRules(byPolicy)):
				outcomes[i] = unchanged
			default:
				outcomes[i] = changed
			}
			return nil
		})
	}
	if err := writers.Wait(); err != nil {
		t.Error(err)
	}
	env.warnings.take()
	counts := [3]int{}
	for _, outcome := range outcomes {
		counts[outcome]++
	}
	t.Logf("%d changed, %d unchanged, %d rejected", counts[changed], counts[unchanged], counts[rejected])
	if counts[changed]+counts[unchanged] < 1000 || counts[changed] < 300 || counts[unchanged] < 300 {
		t.Error("too few show anything")
	}
}

// installPolicy has the policy in effect in a namespace until the test ends.
func installPolicy(t *testing.T, namespace string) {
	t.Helper()
	policy, binding, err := mutatingpolicy.Objects(env.Client.RESTMapper())
	if err != nil {
		t.Fatal(err)
	}
	set(binding, map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": namespace}}, "spec", "matchResources", "namespaceSelector")
	for _, obj := range []*unstructured.Unstructured{policy, binding} {
		if err := env.Client.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := env.Client.Delete(context.Background(), obj); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, func() error {
		probe := dic("probe-arm64", labels(archKey, "arm64"), "probe", registry)
		made, err := created(t.Context(), probe, namespace)
		if err == nil && made.GetLabels()[baseKey] != "probe" {
			err = fmt.Errorf("the policy is not in effect: %v", made.Object)
		}
		return err
	})
}

// seeds are one DataImportCron of each kind.
func seeds() []*unstructured.Unstructured {
	list := annotations(listKey, "arm64")
	return []*unstructured.Unstructured{
		complete("seed-arm64", "seed", "arm64"),
		dic("seed", "", "seed", registry),
		dic("seed-arm64", labels(archKey, "arm64"), "seed", registry),
		dic("seed-arm64", labels(archKey, "arm64"), "seed-arm64", registryOf("arm64")),
		dic("seed-arm64", labels(archKey, "arm64", baseKey, "seed"), "seed", registryOf("")),
		dic("seed-arm64", list, "seed", registry),
		dic("seed-arm64", list+labels("mine", "1"), "seed", "http: {url: 'http://x.invalid'}"),
		dic("seed-arm64", list+labels(archKey, "arm64"), "seed", "registry: {url: 'docker://x.invalid', platform: {}}"),
		dic("seed-arm64", annotations(listKey, " amd64, arm64")+labels(archKey, "arm64"), "seed", registry),
	}
}

// created is what the API server would store in a namespace, but for what
// differs between any two objects.
func created(ctx context.Context, obj *unstructured.Unstructured, namespace string) (*unstructured.Unstructured, error) {
	made := set(obj.DeepCopy(), namespace, "metadata", "namespace")
	if err := env.client.Create(ctx, made, client.DryRunAll); err != nil {
		return nil, err
	}
	metadata := made.Object["metadata"].(map[string]any)
	maps.DeleteFunc(metadata, func(key string, _ any) bool {
		return key == "namespace" || key == "uid" || key == "creationTimestamp"
	})
	if obj.GetName() == "" {
		delete(metadata, "name")
	}
	for _, fields := range metadata["managedFields"].([]any) {
		delete(fields.(map[string]any), "time")
	}
	return made, nil
}
