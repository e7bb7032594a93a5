package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

func TestItInstallsTwiceAndLeavesNothing(t *testing.T) {
	for way, flags := range map[string][]string{"by the client": nil, "server-side": {"--server-side"}} {
		t.Run(way, func(t *testing.T) {
			forEach(t, func(t *testing.T, o *overlay) {
				before := everything(t)
				o.apply(t, flags...)
				o.inject(t)
				installed := o.versions(t)
				o.apply(t, flags...)
				if diff := cmp.Diff(installed, o.versions(t)); diff != "" {
					t.Errorf("resourceVersions (-first +second apply):\n%s", diff)
				}
				o.delete(t)
				o.leavesNothing(t, before)
			})
		})
	}
}

func TestADryRunIsAcceptedAndMakesNothing(t *testing.T) {
	forEach(t, dryRun)
}

func dryRun(t *testing.T, o *overlay) {
	t.Helper()
	// The API server knows of no namespace that a dry run has made.
	before := everything(t)
	for _, object := range o.objects {
		if object.GetKind() == "Namespace" {
			content, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := env.Kubectl(t.Context(), string(content), "apply", "-f", "-"); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.apply(t, "--dry-run=server")
	present := everything(t)
	for _, object := range o.objects {
		if _, found := present[key(object.GetKind(), object.GetNamespace(), object.GetName())]; found && object.GetKind() != "Namespace" {
			t.Errorf("%s %s is there", object.GetKind(), object.GetName())
		}
	}
	o.delete(t)
	o.leavesNothing(t, before)
}

// apply fails where the API server, or the Pod Security admission, so much as
// warns.
func (o *overlay) apply(t *testing.T, flags ...string) {
	t.Helper()
	_, stderr, err := env.Kubectl(t.Context(), "", append([]string{"apply", "-f", o.file}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	if stderr != "" {
		t.Errorf("kubectl apply %v says:\n%s", flags, stderr)
	}
	for _, object := range o.objects {
		if object.GetKind() == "CustomResourceDefinition" && !slices.Contains(flags, "--dry-run=server") {
			_, _, err := env.Kubectl(t.Context(), "", "wait", "--for=condition=Established", "crd/"+object.GetName(), "--timeout=60s")
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// inject does what cert-manager and OpenShift do to the configurations.
func (o *overlay) inject(t *testing.T) {
	t.Helper()
	bundle, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &admissionregistrationv1.MutatingWebhookConfiguration{}
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	for _, configuration := range []client.Object{m, v} {
		if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "dicer"}, configuration); err != nil {
			t.Fatal(err)
		}
	}
	for i := range m.Webhooks {
		m.Webhooks[i].ClientConfig.CABundle = bundle.CABundle
	}
	for i := range v.Webhooks {
		v.Webhooks[i].ClientConfig.CABundle = bundle.CABundle
	}
	for _, configuration := range []client.Object{m, v} {
		if err := env.Client.Update(t.Context(), configuration, client.FieldOwner("injector")); err != nil {
			t.Fatal(err)
		}
	}
}

// versions returns the resourceVersion of each of the overlay's objects, all of
// which have to be there.
func (o *overlay) versions(t *testing.T) map[string]string {
	t.Helper()
	present, versions := everything(t), map[string]string{}
	for _, object := range o.objects {
		name := key(object.GetKind(), object.GetNamespace(), object.GetName())
		if present[name] == "" {
			t.Fatalf("%s is not there", name)
		}
		versions[name] = present[name]
	}
	return versions
}

// delete does not wait: no controller here ends a namespace. Clean-up has no
// other context than the background.
func (o *overlay) delete(t *testing.T) {
	t.Helper()
	if _, _, err := env.Kubectl(context.Background(), "", "delete", "-f", o.file, "--wait=false", "--ignore-not-found"); err != nil {
		t.Error(err)
	}
}

// leavesNothing ends the overlay's namespaces once nothing else is left that
// was not there before, in them or anywhere.
func (o *overlay) leavesNothing(t *testing.T, before map[string]string) {
	t.Helper()
	left := func(namespaces bool) error {
		for name := range everything(t) {
			if _, was := before[name]; !was && (namespaces || !strings.HasPrefix(name, "Namespace ")) {
				return fmt.Errorf("%s is left", name)
			}
		}
		return nil
	}
	if err := cluster.Eventually(context.Background(), time.Minute, func(context.Context) error { return left(false) }); err != nil {
		t.Error(err)
	}
	for _, object := range o.objects {
		if object.GetKind() == "Namespace" {
			end(t, object.GetName())
		}
	}
	if err := left(true); err != nil {
		t.Error(err)
	}
}

// end does what the namespace controller does to one that is being deleted.
func end(t *testing.T, name string) {
	t.Helper()
	found := &corev1.Namespace{}
	if err := env.Client.Get(context.Background(), client.ObjectKey{Name: name}, found); apierrors.IsNotFound(err) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	if found.DeletionTimestamp == nil {
		t.Errorf("namespace %s is not being deleted", name)
	}
	found.Spec.Finalizers = nil
	if err := env.Client.SubResource("finalize").Update(context.Background(), found); err != nil {
		t.Fatal(err)
	}
}

// everything returns the resourceVersion of every object on the API server but
// for events, whatever its kind.
func everything(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := env.Everything(context.Background(), func(kind string, object *metav1.PartialObjectMetadata) {
		if kind != "Event" {
			found[key(kind, object.Namespace, object.Name)] = object.ResourceVersion
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
