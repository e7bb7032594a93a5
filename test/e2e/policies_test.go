package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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

// rejecting are the rules by which each kind can be rejected.
var rejecting = map[string][]arch.Rule{
	"DataImportCrons": {
		arch.RuleUnknownArchitecture, arch.RuleDuplicateArchitecture, arch.RuleEmptyItem, arch.RuleUnknownLabel, arch.RuleListContradiction,
		arch.RuleDataSourceSuffix, arch.RuleBaseLabel, arch.RuleDataSourceName, arch.RuleBaseLabelValue, arch.RulePlatform, arch.RuleName,
	},
	"SSPs": {
		arch.RuleUnknownArchitecture, arch.RuleDuplicateArchitecture, arch.RuleEmptyItem, arch.RuleName, arch.RuleDataSourceName, arch.RuleBaseLabelValue,
		arch.RulePlatform, arch.RuleArchitectureLabel, arch.RuleBaseLabel, arch.RuleNameCollision, arch.RuleDataSourceCollision,
	},
}

// oneRuleEach are DataImportCrons that are seldom or never generated.
func oneRuleEach() []*unstructured.Unstructured {
	labelled := labels(archKey, "arm64")
	return []*unstructured.Unstructured{
		dic("one-arm64", labelled+annotations(listKey, "arm64,arm64"), "one", registry),
		dic("one-arm64", labelled+annotations(listKey, "arm64,"), "one", registry),
		dic("one-arm64", annotations(listKey, "\u00a0arm64\u2003"), "one", registry),
		dic("one-arm64", annotations(listKey, "\u200barm64"), "one", registry),
		dic("one-arm64", labelled+annotations(listKey, "amd64"), "one", registry),
		dic("one-arm64", labelled, "", registry),
		dic("one-arm64", labelled, "-arm64", registry),
		dic("one-arm64", labelled, "_one", registry),
		dic("one-arm64", labelled, "one_", registry),
		dic("one-arm64", labelled, strings.Repeat("ö", 30), registry),
		dic("one-arm64", labelled, strings.Repeat("o", 58), registry),
		dic(strings.Repeat("n", 58)+"-arm64", labelled, "one", registry),
	}
}

// oneRuleEachOfSSPs are the same of SSPs.
func oneRuleEachOfSSPs() []*unstructured.Unstructured {
	const upper = "One"
	return []*unstructured.Unstructured{
		ssp("one", template("one", "amd64,amd64", "one", "")),
		ssp("one", template("one", "amd64,", "one", "")),
		ssp("one", template(upper, "amd64", "one", "")),
		ssp("one", template(strings.Repeat("n", 58), "amd64", "one", "")),
		ssp("one", template("one", "amd64", upper, "")),
		// A legal name with its suffix, and no legal label value without it.
		ssp("one", template("one", "amd64", "", "")),
		ssp("one", template("one", "amd64", "one-", "")),
		ssp("one", template("one", "amd64", "one", labels(archKey, "arm64"))),
		ssp("one", template("one", "amd64", "one", labels(baseKey, "two"))),
		ssp("one", templateOf("one", "amd64", spec("one", registryOf("arm64")), "")),
		ssp("one", template("one", "amd64", "one", ""), template("one-amd64", "", "two", "")),
		ssp("one", template("one", "amd64", "one", ""), template("two", "", "one", "")),
		ssp("one", template("one", "amd64", "one", ""), template("two", "arm64", "one", "")),
	}
}

// errorsOf are those by which the webhook rejects an object.
func errorsOf(t *testing.T, obj *unstructured.Unstructured) []arch.Rule {
	t.Helper()
	var findings arch.Findings
	if obj.GetKind() == "SSP" {
		findings = findingsOf(t, obj)
	} else {
		view, _ := viewOf(t, obj)
		findings = new(arch.Rules).Declaration(&view).Findings
	}
	var rules []arch.Rule
	for _, f := range findings.Of(arch.Error) {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
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

// TestThePoliciesAreCheapEnough writes as many templates as are looked at, with as
// much in each as can be, and more of everything than that. The API server bounds
// what CEL may cost, and would refuse the write.
func TestThePoliciesAreCheapEnough(t *testing.T) {
	unseen(t)
	long := func(prefix string, i int) string {
		return fmt.Sprintf("%s%04d%s", prefix, i, strings.Repeat("-long", 9))
	}
	many := func(name string, count int, list string) *unstructured.Unstructured {
		var templates []string
		for i := range count {
			templates = append(templates, templateOf(long("t", i), list, spec(long("d", i), registryOf("arm64")), labels(archKey, "amd64", baseKey, long("d", i))))
		}
		return set(ssp(name, templates...), policed, "metadata", "namespace")
	}
	// Each with something wrong, and from before the policies.
	const wrong = "amd64,arm64,s390x,mips,mips,"
	before := map[string]*unstructured.Unstructured{}
	for _, count := range []int{100, 101} {
		name := fmt.Sprintf("before-%d", count)
		before[name] = store(t, many(name, count, wrong), false)
	}
	// Each collides with each, twice.
	equal := make([]string, 100)
	for i := range equal {
		equal[i] = template(long("t", i), "amd64,arm64,s390x", "one", "")
	}
	before["equal"] = store(t, set(ssp("equal", equal...), policed, "metadata", "namespace"), false)
	police(t)
	for name, obj := range before {
		if got := update(t, set(stored(t, obj), "elsewhere", "spec", "commonTemplates", "namespace")); len(got.errors) > 0 {
			t.Errorf("%s is no longer writable: %v", name, got.errors)
		}
	}
	// In each something else is wrong, for which everything is looked at.
	changed := set(many("before-100", 100, wrong+"mips64"), stored(t, before["before-100"]).GetResourceVersion(), "metadata", "resourceVersion")
	if err := env.client.Update(t.Context(), changed); err == nil || !strings.Contains(err.Error(), "a template's list is wrong") {
		t.Errorf("100 templates with something else wrong: %.300v", err)
	}
	for _, count := range []int{100, 101, 1000} {
		if got := create(t, many(fmt.Sprintf("right-%d", count), count, "amd64,arm64,s390x")); len(got.errors) > 0 {
			t.Errorf("%d templates: %v", count, got.errors)
		}
	}
	// So long that an annotation holds no more.
	endless := strings.Repeat("arn64,", 40_000)
	for kind, obj := range map[string]*unstructured.Unstructured{
		"an SSP":           many("endless", 1, endless),
		"a DataImportCron": set(dic("endless-arm64", labels(archKey, "arm64")+annotations(listKey, endless), "endless", registry), policed, "metadata", "namespace"),
	} {
		err := env.client.Create(t.Context(), obj)
		if err == nil || !strings.Contains(err.Error(), "the list names 40001 architectures") {
			t.Errorf("%s of 40,000 architectures: %.300v", kind, err)
		}
	}
}

// TestThePoliciesSayWhatIsWrong is of their texts, one of which the README shows.
func TestThePoliciesSayWhatIsWrong(t *testing.T) {
	police(t)
	const denied = "ValidatingAdmissionPolicy 'dicer-%s' with binding 'dicer-%[1]s' denied request: "
	many := make([]string, 200)
	for i := range many {
		many[i] = fmt.Sprintf("architecture-%d", i)
	}
	for _, tc := range []struct {
		obj  *unstructured.Unstructured
		want string
	}{
		{ssp("ssp", template("rhel10-image-cron", "amd64,arn64", "rhel10", "")),
			"template kubevirt-os-images/rhel10-image-cron: the list: \"arn64\" is not one of amd64, arm64, s390x"},
		{ssp("ssp", template("one", ",amd64,amd64", "one", labels(baseKey, "two")), template("two", "mips", "three", labels(archKey, "arm64"))),
			`template kubevirt-os-images/one: the list: an item is empty; the list: "amd64" is listed twice; the list: "amd64" is listed twice; ` +
				`label cdi.kubevirt.io/storage.import.datasource-name: "two" contradicts spec.managedDataSource; ` +
				`template kubevirt-os-images/two: the list: "mips" is not one of amd64, arm64, s390x; label template.kubevirt.io/architecture: "arm64" contradicts the list`},
		{ssp("ssp", template("one", "amd64", "one", ""), template("one-amd64", "", "two", "")),
			"these templates make one DataImportCron: kubevirt-os-images/one, kubevirt-os-images/one-amd64"},
		{ssp("ssp", template("one", "amd64", "one", ""), template("two", "", "one", "")),
			"these templates need one DataSource: kubevirt-os-images/one, kubevirt-os-images/two"},
		{ssp("ssp", template("one", strings.Join(many, ","), "one", "")), "template kubevirt-os-images/one: the list names 200 architectures"},
		{ssp("ssp", template("one", strings.Repeat("x", 6000), "one", "")), "a template's list is wrong, or contradicts what the template fixes"},
		{dic("one-arm64", annotations(listKey, "arm64")+labels(archKey, "amd64"), "one-s390x", registryOf("arm64")),
			`the list "arm64" contradicts label template.kubevirt.io/architecture; ` +
				`spec.managedDataSource: "one-s390x" ends in another architecture than the declared one; ` +
				`spec.template.spec.source.registry.platform.architecture: "arm64" contradicts the declared architecture`},
	} {
		set(tc.obj, policed, "metadata", "namespace")
		policy := strings.ToLower(tc.obj.GetKind()) + "s"
		want := fmt.Sprintf(denied, policy) + tc.want
		err := env.client.Create(t.Context(), tc.obj, client.DryRunAll)
		if err == nil || !apierrors.IsInvalid(err) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	readme, err := os.ReadFile("../../deploy/components/policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := set(ssp("ssp", template("rhel10-image-cron", "amd64,arn64", "rhel10", "")), policed, "metadata", "namespace")
	_, stderr, err := env.Kubectl(t.Context(), asJSON(t, shown), "create", "--dry-run=server", "-f", "-")
	if err == nil || !strings.Contains(cluster.Words(string(readme)), cluster.Words(strings.ReplaceAll(stderr, "error: ", ""))) {
		t.Errorf("kubectl says %q, %v; the README shows something else", stderr, err)
	}
}

func asJSON(t *testing.T, obj *unstructured.Unstructured) string {
	t.Helper()
	content, err := obj.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
