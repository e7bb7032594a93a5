package e2e

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	sspv1beta3 "kubevirt.io/ssp-operator/api/v1beta3"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// newTypedClient makes a client as CDI and the SSP operator have one: with Go
// types, which write empty fields that a person leaves out.
func newTypedClient(t *testing.T) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{cdiv1beta1.AddToScheme, sspv1beta3.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// typedStatus writes a DataImportCron's status as CDI does: by an update of
// the whole object.
func typedStatus(t *testing.T, name string) {
	t.Helper()
	c := newTypedClient(t)
	var cron cdiv1beta1.DataImportCron
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: golden, Name: name}, &cron); err != nil {
		t.Fatal(err)
	}
	cron.Status.CurrentImports = append(cron.Status.CurrentImports, cdiv1beta1.ImportStatus{DataVolumeName: "x", Digest: "x"})
	if err := c.Update(t.Context(), &cron); err != nil {
		t.Errorf("CDI's status write of %s: %v", name, err)
	}
}

// typedFinalizer adds and removes an SSP's finalizer as its operator does.
func typedFinalizer(t *testing.T, name string) {
	t.Helper()
	c := newTypedClient(t)
	for _, change := range []func(client.Object, string) bool{controllerutil.AddFinalizer, controllerutil.RemoveFinalizer} {
		var ssp sspv1beta3.SSP
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: sspNamespace, Name: name}, &ssp); err != nil {
			t.Fatal(err)
		}
		change(&ssp, "dicer.dev/typed")
		if err := c.Update(t.Context(), &ssp); err != nil {
			t.Errorf("the SSP operator's finalizer of %s: %v", name, err)
		}
	}
}
