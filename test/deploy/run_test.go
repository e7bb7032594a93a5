package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
)

// TestWhatIsInstalledWorks runs both commands as the Deployments say, but for
// what is the node's: addresses, the certificate's folder and the token.
func TestWhatIsInstalledWorks(t *testing.T) {
	o := own(t, strings.Replace(ownKustomization, "  - "+architectures+"=amd64,ppc64le\n", "", 1))
	install(t, o)
	startWebhook(t, o)
	commands, err := cluster.PageCommands("docs/getting-started.md", "See that it works")
	if err != nil {
		t.Fatal(err)
	}
	if len(commands) != 2 {
		t.Fatalf("%d commands in getting-started.md; want 2", len(commands))
	}
	for _, c := range commands {
		// The configurations reach the API server by a watch.
		err := cluster.Eventually(t.Context(), 30*time.Second, func(ctx context.Context) error {
			stdout, stderr, _ := env.Kubectl(ctx, c.Stdin, c.Args...)
			if got := cluster.Words(stdout + stderr); got != c.Answer {
				return fmt.Errorf("it answers\n%s\ngetting-started.md says\n%s", got, c.Answer)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}

	startFanout(t, o)
	ssp := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.Replace(commands[0].Stdin, "arn64", "arm64", 1)), ssp); err != nil {
		t.Fatal(err)
	}
	if err := env.Client.Create(t.Context(), ssp); err != nil {
		t.Fatal(err)
	}
	err = cluster.Eventually(t.Context(), time.Minute, func(ctx context.Context) error {
		var names []string
		for _, kind := range []string{"DataImportCron", "DataSource"} {
			list, err := inGolden(ctx, kind)
			if err != nil {
				return err
			}
			for _, object := range list.Items {
				names = append(names, kind+" "+object.GetName())
			}
		}
		slices.Sort(names)
		if got, want := strings.Join(names, ", "), "DataImportCron rhel10-image-cron-amd64, DataImportCron rhel10-image-cron-arm64, DataSource rhel10"; got != want {
			return fmt.Errorf("there are %q; want %q", got, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func inGolden(ctx context.Context, kind string) (*unstructured.UnstructuredList, error) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	list.SetKind(kind + "List")
	return list, env.Client.List(ctx, list, client.InNamespace("golden"))
}

// startWebhook points the installed configurations to a process of the
// installed settings.
func startWebhook(t *testing.T, o *overlay) {
	t.Helper()
	certificates, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	args, environment := commandLine(t, o, webhookName)
	// The port is the pod's, and may be taken here.
	args = slices.DeleteFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--port=") })
	w, err := cluster.StartWebhook(t.Context(), cluster.WebhookOptions{
		Binary: env.webhook, Certificates: certificates, LogDir: t.TempDir(), Args: args, Env: environment,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Kill)
	m := &admissionregistrationv1.MutatingWebhookConfiguration{}
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	for _, configuration := range []client.Object{m, v} {
		if err := env.Client.Get(t.Context(), client.ObjectKey{Name: "dicer"}, configuration); err != nil {
			t.Fatal(err)
		}
	}
	point := func(c *admissionregistrationv1.WebhookClientConfig) {
		url := w.URL(*c.Service.Path)
		*c = admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: w.CABundle()}
	}
	for i := range m.Webhooks {
		point(&m.Webhooks[i].ClientConfig)
	}
	for i := range v.Webhooks {
		point(&v.Webhooks[i].ClientConfig)
	}
	for _, configuration := range []client.Object{m, v} {
		if err := env.Client.Update(t.Context(), configuration); err != nil {
			t.Fatal(err)
		}
	}
}

// startFanout runs it with the installed permissions. The test's end removes
// what it has made, with the namespaces of which everything else goes.
func startFanout(t *testing.T, o *overlay) {
	t.Helper()
	kubeconfig, err := env.ServiceAccountKubeconfig(t.Context(), namespace, "dicer-fanout")
	if err != nil {
		t.Fatal(err)
	}
	args, environment := commandLine(t, o, fanoutName)
	f, err := cluster.StartFanout(t.Context(), cluster.FanoutOptions{
		Binary: env.fanout, Kubeconfig: kubeconfig, LogDir: t.TempDir(), Env: environment,
		Args: append(args, "--leader-elect-resource-namespace="+namespace, "--recreate-delay=1s"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Kill()
		ctx := context.Background()
		if err := env.Client.DeleteAllOf(ctx, &coordinationv1.Lease{}, client.InNamespace(namespace)); err != nil {
			t.Error(err)
		}
		for _, kind := range []string{"DataImportCron", "DataSource"} {
			list, err := inGolden(ctx, kind)
			if err != nil {
				t.Error(err)
			}
			for _, object := range list.Items {
				if err := env.Client.Delete(ctx, &object); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// commandLine returns the arguments and the environment of a Deployment's
// container.
func commandLine(t *testing.T, o *overlay, deployment string) (args, variables []string) {
	t.Helper()
	c := deployments(t, o)[deployment].Spec.Template.Spec.Containers[0]
	for name, value := range environment(t, o, c) {
		variables = append(variables, name+"="+value)
	}
	return c.Args, variables
}
