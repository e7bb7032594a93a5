package e2e

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/dicer-dev/dicer/test/cluster"
)

// variant is the controller under a ServiceAccount of its own, which lacks one
// permission.
type variant struct {
	// manifests grant all permissions.
	manifests []*unstructured.Unstructured
	without   permission
	// flags are the controller's, beside those of every variant.
	flags []string
	// name is that of the ServiceAccount's namespace, which has the Lease.
	name   string
	cancel context.CancelCauseFunc
}

func (v *variant) ssps() string   { return v.name + "-ssps" }
func (v *variant) golden() string { return v.name + "-golden" }

// proxied returns a kubeconfig that leads to the API server by way of a proxy,
// which sees every answer: the audit log holds writes to SSPs and CDI's objects
// alone.
func (v *variant) proxied(ctx context.Context) (kubeconfig string, closeProxy func(), err error) {
	target, err := url.Parse(env.Config.Host)
	if err != nil {
		return "", nil, err
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(env.Config))
	if err != nil {
		return "", nil, err
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		ModifyResponse: v.seen,
		ErrorLog:       log.New(io.Discard, "", 0), // an end cuts requests off
	})
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	if kubeconfig, err = env.ServiceAccountKubeconfig(ctx, v.name, "dicer-fanout"); err != nil {
		return "", nil, err
	}
	content, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return "", nil, err
	}
	for _, c := range content.Clusters {
		c.Server, c.CertificateAuthority = proxy.URL, ""
		c.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	}
	// A watch would keep Close waiting.
	return kubeconfig, func() { proxy.CloseClientConnections(); proxy.Close() }, clientcmd.WriteToFile(*content, kubeconfig)
}

// seen ends the scenario when something is forbidden.
func (v *variant) seen(response *http.Response) error {
	if response.StatusCode != http.StatusForbidden {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	what := string(body)
	if found := denial.FindStringSubmatch(what); found != nil {
		what = found[1] + " " + found[2]
	}
	if what == v.without.verb+" "+v.without.resource {
		v.cancel(errDenied)
	} else {
		v.cancel(fmt.Errorf("forbidden, though nobody took it away: %s", what))
	}
	return nil
}

// step is a change and what has to come of it.
type step struct {
	name   string
	change func(context.Context) error
	done   func(context.Context) error
}

// all tells whether it makes plain DataImportCrons, and DataSources, too.
func (v *variant) all() bool { return slices.Contains(v.flags, templatesAll) }

// scenario walks every path on which the controller asks something of the API
// server. Its error says at which step it ended.
func (v *variant) scenario(ctx context.Context, kubeconfig string) error {
	options := cluster.FanoutOptions{Binary: fanoutSetup.binary, Kubeconfig: kubeconfig, LogDir: fanoutSetup.dir, Args: append([]string{
		"--ssp-namespaces=" + v.ssps(), "--golden-images-namespace=" + v.golden(), "--recreate-delay=200ms",
		"--leader-elect-resource-namespace=" + v.name, "--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s", "--leader-elect-retry-period=500ms",
	}, v.flags...)}
	if v.without.verb == "list" {
		// A current API server streams what a list would bring; one before 1.34
		// does not.
		options.Env = []string{"KUBE_FEATURE_WatchListClient=false"}
	}
	f, err := cluster.StartFanout(ctx, options)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	defer f.Kill()
	for _, s := range v.steps() {
		err := s.change(ctx)
		if err == nil {
			err = cluster.Eventually(ctx, time.Minute, s.done)
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			log, _ := f.Logs()
			return fmt.Errorf("%s: %w; the log:\n%s", s.name, err, log)
		}
	}
	return nil
}

func (v *variant) steps() []step {
	fedora := template("fedora", "", "fedora", "")
	amd64, arm64 := "rhel10-amd64", "rhel10-arm64"
	newSpec := spec("rhel10", strings.Replace(registry, "rhel10-guest", "rhel10-next", 1))
	var old map[string]*unstructured.Unstructured
	handDeleted := func(ctx context.Context) (err error) {
		if old, err = v.list(ctx, "DataImportCron"); err != nil {
			return err
		}
		return env.Client.Delete(ctx, old[amd64])
	}
	var plain []string
	if v.all() {
		plain = []string{"fedora"}
	}
	anew := func(names ...string) func(context.Context) error {
		return func(ctx context.Context) error { return v.stand(ctx, old, names, append(plain, amd64, arm64)...) }
	}
	return []step{
		{"creation", v.write(fedora, template("rhel10", "amd64,arm64", "rhel10", "")), both(anew(), v.points(amd64), v.told(1))},
		{"other labels", v.write(fedora, template("rhel10", "amd64,arm64", "rhel10", ", labels: {e2e: changed}")), v.labelled(arm64)},
		{"another default architecture", v.write(fedora, template("rhel10", "arm64,amd64", "rhel10", ", labels: {e2e: changed}")), v.points(arm64)},
		{"another spec", func(ctx context.Context) (err error) {
			if old, err = v.list(ctx, "DataImportCron"); err != nil {
				return err
			}
			return v.write(fedora, templateOf("rhel10", "arm64,amd64", newSpec, ", labels: {e2e: changed}"))(ctx)
		}, anew(amd64, arm64)},
		{"deletion by somebody", handDeleted, both(anew(amd64), v.told(3))},
		{"a template less", v.write(fedora), both(func(ctx context.Context) error { return v.stand(ctx, nil, nil, plain...) }, v.points(""))},
		{"no SSP", func(ctx context.Context) error {
			object := ssp("ssp")
			object.SetNamespace(v.ssps())
			return env.Client.Delete(ctx, object)
		}, func(ctx context.Context) error { return v.stand(ctx, nil, nil) }},
		{"a renewed Lease", func(context.Context) error { return nil }, v.renewed},
	}
}

func both(conditions ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, condition := range conditions {
			if err := condition(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func (v *variant) write(templates ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		object := ssp("ssp", templates...)
		object.SetNamespace(v.ssps())
		return env.Apply(ctx, []*unstructured.Unstructured{object})
	}
}

func (v *variant) list(ctx context.Context, kind string) (map[string]*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("cdi.kubevirt.io/v1beta1")
	list.SetKind(kind + "List")
	err := env.Client.List(ctx, list, client.InNamespace(v.golden()))
	out := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		out[list.Items[i].GetName()] = &list.Items[i]
	}
	return out, err
}

// stand tells whether exactly the names stand, and those of anew under another
// UID than in old.
func (v *variant) stand(ctx context.Context, old map[string]*unstructured.Unstructured, anew []string, names ...string) error {
	have, err := v.list(ctx, "DataImportCron")
	if err != nil {
		return err
	}
	for _, name := range names {
		if have[name] == nil || slices.Contains(anew, name) && have[name].GetUID() == old[name].GetUID() {
			return fmt.Errorf("%s does not stand, or not anew", name)
		}
	}
	if len(have) != len(names) {
		return fmt.Errorf("%d DataImportCrons stand; want %d", len(have), len(names))
	}
	return nil
}

func (v *variant) labelled(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		have, err := v.list(ctx, "DataImportCron")
		if err == nil && (have[name] == nil || have[name].GetLabels()["e2e"] != "changed") {
			err = fmt.Errorf("%s lacks the label", name)
		}
		return err
	}
}

// points tells whether DataSource rhel10 points to target, or for want of one
// is not there, as always where none is made.
func (v *variant) points(target string) func(context.Context) error {
	if !v.all() {
		target = ""
	}
	return func(ctx context.Context) error {
		have, err := v.list(ctx, "DataSource")
		if err != nil {
			return err
		}
		got := ""
		if have["rhel10"] != nil {
			got, _, _ = unstructured.NestedString(have["rhel10"].Object, "spec", "source", "dataSource", "name")
		}
		if got != target {
			return fmt.Errorf("DataSource rhel10 points to %q; want %q", got, target)
		}
		return nil
	}
}

// told tells whether there are this many events of creations.
func (v *variant) told(want int) func(context.Context) error {
	return func(ctx context.Context) error {
		list := &eventsv1.EventList{}
		if err := env.Client.List(ctx, list, client.InNamespace(v.ssps())); err != nil {
			return err
		}
		have := 0
		for _, e := range list.Items {
			if e.Reason == "Created" {
				have++
			}
		}
		if have < want {
			return fmt.Errorf("%d events of creations among %d events; want %d", have, len(list.Items), want)
		}
		return nil
	}
}

func (v *variant) renewed(ctx context.Context) error {
	lease := &coordinationv1.Lease{}
	err := env.Client.Get(ctx, types.NamespacedName{Namespace: v.name, Name: "dicer-fanout"}, lease)
	if err == nil && !lease.Spec.RenewTime.After(lease.Spec.AcquireTime.Time) {
		err = fmt.Errorf("the Lease was not renewed since %s", lease.Spec.AcquireTime)
	}
	return err
}
