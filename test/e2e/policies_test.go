package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// policed is where the policies of deploy/components/policies are in effect, and no
// webhook is.
const policed = "policed"

// TestThePoliciesAndTheWebhookAgreeOnCreates creates the same objects, in a dry run,
// where the webhook is at work and where the policies are.
func TestThePoliciesAndTheWebhookAgreeOnCreates(t *testing.T) {
	police(t)
	random := rand.New(rand.NewPCG(2, 6))
	crons := append(seeds(), oneRuleEach()...)
	for i := range 9000 {
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
	ssps = append(ssps, oneRuleEachOfSSPs()...)
	for kind, objects := range map[string][]*unstructured.Unstructured{"DataImportCrons": crons, "SSPs": ssps} {
		t.Run(kind, func(t *testing.T) {
			denied := agree(t, len(objects), func(i int, byPolicy bool) (*unstructured.Unstructured, error) {
				obj := objects[i].DeepCopy()
				set(obj, namespaceOf(obj, byPolicy), "metadata", "namespace")
				return obj, env.client.Create(t.Context(), obj.DeepCopy(), client.DryRunAll)
			})
			alone := map[arch.Rule]int{}
			for _, i := range denied {
				if rules := errorsOf(t, objects[i]); len(rules) == 1 {
					alone[rules[0]]++
				}
			}
			t.Logf("denied for one rule alone: %v", alone)
			for _, rule := range rejecting[kind] {
				if alone[rule] == 0 {
					t.Errorf("nothing was denied for %s alone: a policy without it would pass", rule)
				}
			}
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
// and not by the webhook, or the other way. It returns what both have denied.
func agree(t *testing.T, count int, write func(i int, byPolicy bool) (*unstructured.Unstructured, error)) (rejected []int) {
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
	for i, outcome := range outcomes {
		counts[outcome]++
		if outcome == denied {
			rejected = append(rejected, i)
		}
	}
	t.Logf("of %d writes %d allowed and %d denied by both, %d by the schema", count, counts[allowed], counts[denied], counts[invalid])
	if counts[denied] < count/10 || counts[allowed] < count/10 {
		t.Error("too much alike to show anything")
	}
	return rejected
}
