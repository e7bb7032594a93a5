package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

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
