//go:build kind

package kind

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

func testInstall(t *testing.T, s *suite) {
	started := time.Now()
	s.kubectl(t, "apply", "--filename", options.install)
	s.installed = true
	s.available(t)
	s.figures = fmt.Sprintf("available after %s", time.Since(started).Round(100*time.Millisecond))
	s.runs(t, options.version)
	for name, bundle := range s.bundles(t) {
		if ca := s.secret(t, "dicer-ca", "tls.crt"); len(ca) == 0 || !bytes.Equal(bundle, ca) {
			t.Errorf("%s trusts %q; the CA is %q", name, bundle, ca)
		}
	}
	s.applyChangesNothing(t)
}

// applyChangesNothing applies what is installed. What kubectl says is no measure:
// of a PodDisruptionBudget it says "configured" each time.
func (s *suite) applyChangesNothing(t *testing.T) {
	t.Helper()
	before := s.revisions(t)
	s.kubectl(t, "apply", "--filename", options.install)
	if diff := cmp.Diff(before, s.revisions(t)); diff != "" {
		t.Errorf("revisions of what is installed (-before +after another apply):\n%s", diff)
	}
}

// revisions returns each installed object's generation, which controllers that
// write a status leave alone; its resourceVersion where the kind has none.
func (s *suite) revisions(t *testing.T) map[string]string {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	if err := list.UnmarshalJSON([]byte(s.kubectl(t, "get", "--filename", options.install, "--output", "json"))); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, object := range list.Items {
		revision := fmt.Sprint("generation ", object.GetGeneration())
		if object.GetGeneration() == 0 {
			revision = "resourceVersion " + object.GetResourceVersion()
		}
		found[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = revision
	}
	if len(found) == 0 {
		t.Fatal("nothing is installed")
	}
	return found
}

// runs fails the test unless each pod runs that version.
func (s *suite) runs(t *testing.T, version string) {
	t.Helper()
	for _, component := range []string{"webhook", "fanout"} {
		pods := s.pods(t, component)
		if len(pods) != 2 {
			t.Errorf("%d pods of %s; want 2", len(pods), component)
		}
		for _, p := range pods {
			if image := p.Spec.Containers[0].Image; image != "dicer:"+version {
				t.Errorf("pod %s runs %s; want dicer:%s", p.Name, image, version)
			}
		}
	}
}

// bundles returns the CA bundle of each webhook.
func (s *suite) bundles(t *testing.T) map[string][]byte {
	t.Helper()
	m := &admissionregistrationv1.MutatingWebhookConfiguration{}
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	for _, configuration := range []client.Object{m, v} {
		if err := s.Client.Get(t.Context(), client.ObjectKey{Name: "dicer"}, configuration); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string][]byte{}
	for _, w := range m.Webhooks {
		found[w.Name] = w.ClientConfig.CABundle
	}
	for _, w := range v.Webhooks {
		found[w.Name] = w.ClientConfig.CABundle
	}
	if len(found) != 5 {
		t.Fatalf("%d webhooks; want 5", len(found))
	}
	return found
}

func (s *suite) secret(t *testing.T, name, key string) []byte {
	t.Helper()
	found := &corev1.Secret{}
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, found); err != nil {
		t.Fatal(err)
	}
	return found.Data[key]
}

// testAnswers asks as getting-started.md tells a person to.
func testAnswers(t *testing.T, s *suite) {
	commands, err := cluster.PageCommands("docs/getting-started.md", "See that it works")
	if err != nil {
		t.Fatal(err)
	}
	if len(commands) != 2 {
		t.Errorf("%d commands with an answer in getting-started.md; want 2", len(commands))
	}
	for _, c := range commands {
		stdout, stderr, _ := s.Kubectl(t.Context(), c.Stdin, c.Args...)
		if diff := cmp.Diff(c.Answer, cluster.Words(stdout+stderr)); diff != "" {
			t.Errorf("kubectl %s (-getting-started.md +cluster):\n%s", strings.Join(c.Args, " "), diff)
		}
	}
}

func example(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile("../../pkg/arch/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

func cronList() *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	list.SetKind("DataImportCronList")
	return list
}

// testSeedCase ends with the SSP gone, and what was made of it.
func testSeedCase(t *testing.T, s *suite) {
	ssp := s.seedStands(t)
	if err := s.Client.Delete(t.Context(), ssp); err != nil {
		t.Fatal(err)
	}
	s.stand(t)
}

// seedStands creates the SSP, and returns it once all of it stands.
func (s *suite) seedStands(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	ssp := example(t, "ssp-rhel10.yaml")
	wrong := ssp.DeepCopy()
	templates, _, _ := unstructured.NestedSlice(wrong.Object, "spec", "commonTemplates", "dataImportCronTemplates")
	if err := unstructured.SetNestedField(templates[0].(map[string]any), "amd64,arn64", "metadata", "annotations", listKey); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedSlice(wrong.Object, templates, "spec", "commonTemplates", "dataImportCronTemplates"); err != nil {
		t.Fatal(err)
	}
	if err := s.Client.Create(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), `did you mean "arm64"?`) {
		t.Errorf("an SSP with a typo: %v", err)
	}
	if err := s.Client.Create(t.Context(), ssp); err != nil {
		t.Fatal(err)
	}
	s.stand(t, "rhel10-image-cron-amd64", "rhel10-image-cron-arm64")
	list := cronList()
	if err := s.Client.List(t.Context(), list, client.InNamespace(golden)); err != nil {
		t.Fatal(err)
	}
	for _, made := range list.Items {
		want := example(t, "dic-rhel10-"+made.GetLabels()[archKey]+".yaml")
		if diff := cmp.Diff(wanted(want), wanted(&made)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", made.GetName(), diff)
		}
	}
	return ssp
}

// stand waits until just these DataImportCrons stand where fan-out writes.
func (s *suite) stand(t *testing.T, names ...string) {
	t.Helper()
	s.eventually(t, 2*time.Minute, func() error {
		list := cronList()
		if err := s.Client.List(t.Context(), list, client.InNamespace(golden)); err != nil {
			return err
		}
		var found []string
		for _, made := range list.Items {
			found = append(found, made.GetName())
		}
		if diff := cmp.Diff(names, found); diff != "" {
			return fmt.Errorf("DataImportCrons (-want +got):\n%s", diff)
		}
		return nil
	})
}

// wanted is what the contract says of a DataImportCron; more labels and
// annotations are allowed.
func wanted(object *unstructured.Unstructured) map[string]any {
	labels := map[string]any{}
	for _, key := range []string{archKey, baseKey, "kubevirt.io/dynamic-credentials-support"} {
		labels[key] = object.GetLabels()[key]
	}
	return map[string]any{
		"name": object.GetName(), "namespace": object.GetNamespace(), "labels": labels,
		"immediate": object.GetAnnotations()["cdi.kubevirt.io/storage.bind.immediate.requested"],
		"list":      object.GetAnnotations()[listKey], "spec": object.Object["spec"],
	}
}

func testByHand(t *testing.T, s *suite) {
	for name, made := range map[string]*unstructured.Unstructured{
		"by a label": cron("label-arm64", map[string]string{archKey: "arm64"}, "label"),
		"by a list": func() *unstructured.Unstructured {
			c := cron("list-arm64", nil, "list")
			c.SetAnnotations(map[string]string{listKey: "arm64"})
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			base := strings.TrimSuffix(made.GetName(), "-arm64")
			if err := s.Client.Create(t.Context(), made); err != nil {
				t.Fatal(err)
			}
			if err := completed(made, "arm64", base); err != nil {
				t.Error(err)
			}
			if err := s.Client.Delete(t.Context(), made); err != nil {
				t.Error(err)
			}
		})
	}
}
