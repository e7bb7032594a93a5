package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/test/cluster"
)

// policed is where the policies of deploy/components/policies are in effect, and no
// webhook is.
const policed = "policed"

// TestThePoliciesAndTheWebhookAgreeOnCreates creates the same objects, in a dry run,
// where the webhook is at work and where the policies are.
func TestThePoliciesAndTheWebhookAgreeOnCreates(t *testing.T) {
	police(t)
	random := rand.New(rand.NewPCG(2, 6))
	crons := seeds()
	for i := range 7000 {
		obj := generate(random, fmt.Sprintf("policed-%d", i))
		if random.IntN(20) == 0 {
			set(obj, arch.ManagedBySSP, "metadata", "labels", arch.ManagedByLabel)
		}
		if random.IntN(4) == 0 {
			spoil(random, obj)
		}
		crons = append(crons, obj)
	}
	ssps := make([]*unstructured.Unstructured, 3000)
	for i := range ssps {
		ssps[i] = generateSSP(random, fmt.Sprintf("policed-%d", i))
	}
	for kind, objects := range map[string][]*unstructured.Unstructured{"DataImportCrons": crons, "SSPs": ssps} {
		t.Run(kind, func(t *testing.T) {
			agree(t, len(objects), func(i int, byPolicy bool) (*unstructured.Unstructured, error) {
				obj := objects[i].DeepCopy()
				set(obj, namespaceOf(obj, byPolicy), "metadata", "namespace")
				return obj, env.client.Create(t.Context(), obj.DeepCopy(), client.DryRunAll)
			})
		})
	}
}

// TestThePoliciesAndTheWebhookAgreeOnUpdates updates generated objects, which were
// written before there was either, to other generated ones.
func TestThePoliciesAndTheWebhookAgreeOnUpdates(t *testing.T) {
	const versions = 5
	random := rand.New(rand.NewPCG(2, 7))
	for _, kind := range []struct {
		name     string
		count    int
		generate func(i int) *unstructured.Unstructured
		change   func(*unstructured.Unstructured) *unstructured.Unstructured
	}{
		{"DataImportCrons", 400,
			func(i int) *unstructured.Unstructured {
				obj := generate(random, fmt.Sprintf("repoliced-%d", i))
				obj.SetName(strings.ToLower(obj.GetName()))
				if random.IntN(20) == 0 {
					set(obj, arch.ManagedBySSP, "metadata", "labels", arch.ManagedByLabel)
				}
				return obj
			},
			func(obj *unstructured.Unstructured) *unstructured.Unstructured { return change(random, obj) },
		},
		{"SSPs", 300,
			func(i int) *unstructured.Unstructured { return generateSSP(random, fmt.Sprintf("repoliced-%d", i)) },
			func(obj *unstructured.Unstructured) *unstructured.Unstructured {
				changed, _ := changeSSP(random, obj)
				return changed
			},
		},
	} {
		t.Run(kind.name, func(t *testing.T) {
			generated := make([]*unstructured.Unstructured, kind.count)
			for i := range generated {
				generated[i] = kind.generate(i)
			}
			copied := func(i int) *unstructured.Unstructured { return generated[i].DeepCopy() }
			byWebhook := storeUnseen(t, "unpoliced-"+strings.ToLower(kind.name), kind.count, copied)
			unseen(t)
			var byPolicy []*unstructured.Unstructured
			for i := range kind.count {
				byPolicy = append(byPolicy, store(t, set(copied(i), policed, "metadata", "namespace"), i%20 == 0))
			}
			police(t)
			updates := make([]*unstructured.Unstructured, kind.count*versions)
			for i := range updates {
				updates[i] = kind.change(byWebhook[i/versions].DeepCopy())
			}
			agree(t, len(updates), func(i int, policy bool) (*unstructured.Unstructured, error) {
				obj := updates[i].DeepCopy()
				if policy {
					old := byPolicy[i/versions]
					obj.SetNamespace(old.GetNamespace())
					obj.SetUID(old.GetUID())
					obj.SetResourceVersion(old.GetResourceVersion())
				}
				return obj, env.client.Update(t.Context(), obj.DeepCopy(), client.DryRunAll)
			})
		})
	}
}

// namespaceOf is where an object is written to meet the policies, or the webhook.
func namespaceOf(obj *unstructured.Unstructured, byPolicy bool) string {
	switch {
	case byPolicy:
		return policed
	case obj.GetKind() == "SSP":
		return sspNamespace
	default:
		return golden
	}
}

// agree makes each write twice, and fails where one is let through by the policies
// and not by the webhook, or the other way.
func agree(t *testing.T, count int, write func(i int, byPolicy bool) (*unstructured.Unstructured, error)) {
	t.Helper()
	const allowed, denied, invalid = 0, 1, 2
	outcomes := make([]int, count)
	var writers errgroup.Group
	writers.SetLimit(8)
	for i := range count {
		writers.Go(func() error {
			obj, byPolicy := write(i, true)
			_, byWebhook := write(i, false)
			switch {
			case byPolicy != nil && !apierrors.IsInvalid(byPolicy):
				return fmt.Errorf("%v: %w", obj.Object, byPolicy)
			case byPolicy != nil && blamesACondition(byPolicy):
				return fmt.Errorf("%v: %w", obj.Object, byPolicy)
			case (byPolicy == nil) != (byWebhook == nil):
				return fmt.Errorf("%v:\nthe policies: %v\nthe webhook: %v", obj.Object, byPolicy, byWebhook)
			case byPolicy == nil:
				outcomes[i] = allowed
			case strings.Contains(byPolicy.Error(), "ValidatingAdmissionPolicy 'dicer-"):
				outcomes[i] = denied
			default:
				// By the schema, which comes before.
				outcomes[i] = invalid
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
	t.Logf("of %d writes %d allowed and %d denied by both, %d by the schema", count, counts[allowed], counts[denied], counts[invalid])
	if counts[denied] < count/10 || counts[allowed] < count/10 {
		t.Error("too much alike to show anything")
	}
}

// store writes an object; one that is to be on its way out is held.
func store(t *testing.T, obj *unstructured.Unstructured, dying bool) *unstructured.Unstructured {
	t.Helper()
	if dying {
		obj.SetFinalizers([]string{"dicer.dev/test"})
	}
	create(t, obj)
	if !dying {
		return obj
	}
	if err := env.client.Delete(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	return stored(t, obj)
}

// unseen makes the namespace of the policies, to which the webhook is blind.
func unseen(t *testing.T) {
	t.Helper()
	if err := env.Namespace(t.Context(), policed, map[string]string{"dicer.dev/admission": "ignore"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		probe := dic("probe-arm64", labels(archKey, "mips"), "probe", registry)
		return env.client.Create(t.Context(), set(probe, policed, "metadata", "namespace"), client.DryRunAll)
	})
	env.warnings.take()
}

// police has the policies in effect, as they are shipped but for the namespace, until
// the test ends.
func police(t *testing.T) {
	t.Helper()
	unseen(t)
	shipped, err := env.Manifests(t.Context(), "deploy/components/policies")
	if err != nil {
		t.Fatal(err)
	}
	if len(shipped) != 4 {
		t.Fatalf("%d objects; want two policies and their bindings", len(shipped))
	}
	probes := []*unstructured.Unstructured{
		set(dic("probe-arm64", labels(archKey, "mips"), "probe", registry), policed, "metadata", "namespace"),
		set(ssp("probe", template("probe", "mips", "probe", "")), policed, "metadata", "namespace"),
	}
	inForce := func(want bool) func(context.Context) error {
		return func(ctx context.Context) error {
			for _, probe := range probes {
				err := env.client.Create(ctx, probe.DeepCopy(), client.DryRunAll)
				if got := err != nil && strings.Contains(err.Error(), `"mips" is not one of amd64, arm64, s390x`); got != want || !got && err != nil {
					return fmt.Errorf("%s: %v; want it denied: %t", probe.GetKind(), err, want)
				}
			}
			return nil
		}
	}
	// Cleanups run last to first: it is waited after the policies were deleted.
	t.Cleanup(func() {
		if err := cluster.Eventually(context.Background(), patience, inForce(false)); err != nil {
			t.Error(err)
		}
		env.warnings.take()
	})
	for _, obj := range shipped {
		if obj.GetKind() == "ValidatingAdmissionPolicyBinding" {
			set(obj, map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": policed}}, "spec", "matchResources", "namespaceSelector")
		}
		if err := env.Client.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := env.Client.Delete(context.Background(), obj); err != nil {
				t.Error(err)
			}
		})
	}
	if err := cluster.Eventually(t.Context(), patience, inForce(true)); err != nil {
		t.Fatal(err)
	}
}

// patience bounds the wait for the API server to notice a policy.
const patience = 30 * time.Second
