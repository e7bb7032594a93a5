package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"golang.org/x/sync/errgroup"

	"github.com/dicer-dev/dicer/test/cluster"
)

// permission is one verb on one resource, of one rule of what fan-out is granted.
type permission struct {
	kind, namespace string
	rule            int
	group, resource string
	verb            string
}

func (p permission) String() string {
	if p.verb == "" {
		return "all permissions"
	}
	return fmt.Sprintf("no %s of %s", p.verb, p.resource)
}

// denial is what the API server answers where RBAC forbids a request; in an
// event or a log its quotes are escaped.
var denial = regexp.MustCompile(`cannot (\w+) resource \\*"(\w+)`)

// neverForbidden fails where the API server has forbidden something that the
// controllers tried. The audit log holds writes in the place; the controllers'
// logs the rest.
func (p *place) neverForbidden(controllers ...*cluster.Fanout) {
	p.t.Helper()
	for _, e := range auditEvents(p.t, "") {
		here := e.ObjectRef.Namespace == p.ssps || e.ObjectRef.Namespace == p.golden
		if here && e.User.Username == fanoutUser && e.Annotations["authorization.k8s.io/decision"] == "forbid" {
			p.t.Errorf("%s of %s was forbidden: %s", e.Verb, e.ObjectRef.Resource, e.Annotations["authorization.k8s.io/reason"])
		}
	}
	for _, f := range controllers {
		log, err := f.Logs()
		if err != nil {
			p.t.Fatal(err)
		}
		for _, found := range denial.FindAllString(log, -1) {
			p.t.Errorf("the controller %s", found)
		}
	}
}

// TestFanoutNeedsEveryVerb takes one verb away at a time: the controller has to
// run into it on its way through the scenario, which it ends where it has all.
// Those of deploy/fanout are enough for, and needed by, --templates=annotated;
// those of the component by --templates=all.
func TestFanoutNeedsEveryVerb(t *testing.T) {
	t.Parallel()
	if err := fanoutOnce(); err != nil {
		t.Fatal(err)
	}
	annotated, always := granted(t)
	all, more := granted(t, templatesAllComponent)
	if more = slices.DeleteFunc(more, func(p permission) bool { return slices.Contains(always, p) }); len(more) == 0 {
		t.Fatalf("%s adds no permission", templatesAllComponent)
	}
	var (
		g      errgroup.Group
		missed atomic.Int32
		number int
	)
	g.SetLimit(6)
	try := func(manifests []*unstructured.Unstructured, without permission, flags ...string) {
		v := &variant{manifests: manifests, without: without, flags: flags, name: fmt.Sprintf("rbac-%d", number)}
		number++
		g.Go(func() error {
			control := without.verb == ""
			switch err := v.run(t.Context()); {
			case errors.Is(err, errDenied):
				missed.Add(1)
			case err != nil:
				t.Errorf("%s %v: %v", without, flags, err)
			case !control:
				t.Errorf("%s %v: the scenario ends without it: it is needless", without, flags)
			}
			return nil
		})
	}
	for _, without := range append([]permission{{}}, always...) {
		try(annotated, without)
	}
	for _, without := range append([]permission{{}}, more...) {
		try(all, without, templatesAll)
	}
	_ = g.Wait()
	t.Logf("%d permissions taken away one by one, %d missed; with all, the scenario ends", len(always)+len(more), missed.Load())
}

// granted returns the manifests of deploy/fanout with components, and what they
// grant.
func granted(t *testing.T, components ...string) ([]*unstructured.Unstructured, []permission) {
	t.Helper()
	manifests, err := env.Manifests(t.Context(), fanoutManifests, components...)
	if err != nil {
		t.Fatal(err)
	}
	found, err := permissions(manifests)
	if err != nil {
		t.Fatal(err)
	}
	return manifests, found
}

// permissions lists every verb on every resource of every rule.
func permissions(manifests []*unstructured.Unstructured) ([]permission, error) {
	var out []permission
	for _, m := range manifests {
		rules, err := rulesOf(m)
		if err != nil {
			return nil, err
		}
		for i, rule := range rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					out = append(out, permission{m.GetKind(), m.GetNamespace(), i, rule.APIGroups[0], resource, verb})
				}
			}
		}
	}
	return out, nil
}

func rulesOf(manifest *unstructured.Unstructured) ([]rbacv1.PolicyRule, error) {
	if kind := manifest.GetKind(); kind != "Role" && kind != "ClusterRole" {
		return nil, nil
	}
	var role rbacv1.ClusterRole // a Role has the same rules
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(manifest.Object, &role)
	return role.Rules, err
}

// remove takes a permission from rules.
func (p permission) remove(rules []rbacv1.PolicyRule) []any {
	var out []any
	for i, rule := range rules {
		for _, resource := range rule.Resources {
			one := *rule.DeepCopy()
			one.Resources = []string{resource}
			if i == p.rule && resource == p.resource {
				one.Verbs = slices.DeleteFunc(one.Verbs, func(verb string) bool { return verb == p.verb })
			}
			if len(one.Verbs) == 0 {
				continue // a rule has at least one
			}
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&one)
			if err != nil {
				panic(err)
			}
			out = append(out, content)
		}
	}
	return out
}

// install makes the variant's ServiceAccount and gives it all permissions but
// one.
func (v *variant) install(ctx context.Context) error {
	namespaces := map[string]string{"dicer-system": v.name, golden: v.golden()}
	for _, namespace := range []string{v.name, v.golden(), v.ssps()} {
		if err := env.Namespace(ctx, namespace, nil); err != nil {
			return err
		}
	}
	for _, m := range v.manifests {
		rules, err := rulesOf(m)
		if err != nil {
			return err
		}
		own := m.DeepCopy()
		if rules != nil {
			removed := permission{rule: -1}
			if m.GetKind() == v.without.kind && m.GetNamespace() == v.without.namespace {
				removed = v.without
			}
			set(own, removed.remove(rules), "rules")
		}
		if m.GetNamespace() != "" {
			own.SetNamespace(namespaces[m.GetNamespace()])
		}
		if strings.HasPrefix(m.GetKind(), "ClusterRole") {
			own.SetName(v.name)
		}
		if m.GetKind() == "ClusterRoleBinding" {
			set(own, v.name, "roleRef", "name")
		}
		if strings.HasSuffix(m.GetKind(), "Binding") {
			set(own, []any{map[string]any{"kind": "ServiceAccount", "name": "dicer-fanout", "namespace": v.name}}, "subjects")
		}
		if err := env.Apply(ctx, []*unstructured.Unstructured{own}); err != nil {
			return err
		}
	}
	return v.inForce(ctx)
}

// inForce waits until RBAC's caches know what was installed.
func (v *variant) inForce(ctx context.Context) error {
	all, err := permissions(v.manifests)
	if err != nil {
		return err
	}
	namespaces := map[string]string{"": v.golden(), "dicer-system": v.name, golden: v.golden()}
	return cluster.Eventually(ctx, time.Minute, func(ctx context.Context) error {
		for _, p := range all {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:" + v.name + ":dicer-fanout",
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: namespaces[p.namespace], Verb: p.verb, Group: p.group, Resource: p.resource, Name: "dicer-fanout",
				},
			}}
			if err := env.Client.Create(ctx, review); err != nil {
				return err
			}
			if want := p != v.without; review.Status.Allowed != want {
				return fmt.Errorf("%s %s: allowed is %v; want %v", p.verb, p.resource, !want, want)
			}
		}
		return nil
	})
}

// errDenied ends a scenario: the missing permission was missed.
var errDenied = errors.New("the API server has forbidden what was taken away")

// run takes the scenario with one permission less. It returns errDenied where
// that was missed.
func (v *variant) run(ctx context.Context) error {
	if err := v.install(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v.cancel = cancel
	kubeconfig, closeProxy, err := v.proxied(ctx)
	if err != nil {
		return err
	}
	defer closeProxy()
	return v.scenario(ctx, kubeconfig)
}
