package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	system = "dicer-system"
	images = "kubevirt-os-images"
	// elsewhere stands for every other namespace.
	elsewhere = "kubevirt"
)

// asFanout applies deploy/fanout to a cluster of its own, which it returns with the
// controller's client and its token.
func asFanout(t *testing.T) (*Cluster, client.Client, string) {
	t.Helper()
	c, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{system, images} {
		if err := c.Namespace(t.Context(), name, nil); err != nil {
			t.Fatal(err)
		}
	}
	manifests, err := c.Manifests(t.Context(), "deploy/fanout")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), manifests); err != nil {
		t.Fatal(err)
	}
	path, err := c.ServiceAccountKubeconfig(t.Context(), system, "dicer-fanout")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the kubeconfig has mode %v, %v", info.Mode(), err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // A kubeconfig does not say so.
	fanout, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c, fanout, config.BearerToken
}

func TestDeployFanoutGrantsThisAndNoMore(t *testing.T) {
	c, fanout, token := asFanout(t)
	self := &authenticationv1.SelfSubjectReview{}
	if err := fanout.Create(t.Context(), self); err != nil || self.Status.UserInfo.Username != "system:serviceaccount:dicer-system:dicer-fanout" {
		t.Fatalf("it acts as %q, %v", self.Status.UserInfo.Username, err)
	}
	if left := time.Until(expiry(t, token)); left < 2*time.Hour {
		t.Errorf("the token is good for %s; want 2h or more", left)
	}
	want := map[string]map[string]string{
		elsewhere: {
			"ssps.ssp.kubevirt.io":            "get list watch",
			"dataimportcrons.cdi.kubevirt.io": "list watch",
			"datasources.cdi.kubevirt.io":     "list watch",
			"events.events.k8s.io":            "create",
		},
		images: {
			"ssps.ssp.kubevirt.io":            "get list watch",
			"dataimportcrons.cdi.kubevirt.io": "get list watch create patch delete",
			"datasources.cdi.kubevirt.io":     "list watch",
			"events.events.k8s.io":            "create",
		},
		system: {
			"ssps.ssp.kubevirt.io":                    "get list watch",
			"dataimportcrons.cdi.kubevirt.io":         "list watch",
			"datasources.cdi.kubevirt.io":             "list watch",
			"events.events.k8s.io":                    "create",
			"leases.coordination.k8s.io":              "create",
			"leases.coordination.k8s.io/dicer-fanout": "get create update",
			"leases.coordination.k8s.io/other":        "create",
		},
	}
	grants(t, fanout, want)

	// --templates=all writes DataSources, and needs nothing else.
	manifests, err := c.Manifests(t.Context(), "deploy/fanout", "deploy/components/templates-all")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), manifests); err != nil {
		t.Fatal(err)
	}
	want[images]["datasources.cdi.kubevirt.io"] = "get list watch create patch delete"
	grants(t, fanout, want)
}

// grants fails the test unless just these permissions come to be granted: the API
// server's authorizer learns of RBAC through a watch.
func grants(t *testing.T, fanout client.Client, want map[string]map[string]string) {
	t.Helper()
	err := Eventually(t.Context(), effectTimeout, func(ctx context.Context) error {
		got, err := granted(ctx, fanout)
		if diff := cmp.Diff(want, got); diff != "" {
			err = errors.Join(err, errors.New("(-want +granted):\n"+diff))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// granted asks for each verb on what the controller touches and on what it has
// no business with: namespace to resource to verbs.
func granted(ctx context.Context, as client.Client) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for _, namespace := range []string{elsewhere, images, system} {
		all[namespace] = map[string]string{}
		for _, on := range []authorizationv1.ResourceAttributes{
			{Group: "ssp.kubevirt.io", Resource: "ssps"},
			{Group: "ssp.kubevirt.io", Resource: "ssps", Subresource: "status"},
			{Group: "cdi.kubevirt.io", Resource: "dataimportcrons"},
			{Group: "cdi.kubevirt.io", Resource: "datasources"},
			{Group: "cdi.kubevirt.io", Resource: "datavolumes"},
			{Group: "events.k8s.io", Resource: "events"},
			{Group: "coordination.k8s.io", Resource: "leases"},
			{Group: "coordination.k8s.io", Resource: "leases", Name: "dicer-fanout"},
			{Group: "coordination.k8s.io", Resource: "leases", Name: "other"},
			{Resource: "secrets"},
		} {
			on.Namespace = namespace
			verbs, err := verbs(ctx, as, on)
			if err != nil {
				return nil, err
			}
			name := on.Resource + "." + on.Group
			if on.Subresource != "" || on.Name != "" {
				name += "/" + on.Subresource + on.Name
			}
			if verbs != "" {
				all[namespace][name] = verbs
			}
		}
	}
	return all, nil
}

func verbs(ctx context.Context, as client.Client, on authorizationv1.ResourceAttributes) (string, error) {
	var verbs []string
	for _, on.Verb = range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &on}}
		if err := as.Create(ctx, review); err != nil {
			return "", err
		}
		if review.Status.Allowed {
			verbs = append(verbs, on.Verb)
		}
	}
	return strings.Join(verbs, " "), nil
}

// expiry reads when a token ends.
func expiry(t *testing.T, token string) time.Time {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Expiry int64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return time.Unix(claims.Expiry, 0)
}
