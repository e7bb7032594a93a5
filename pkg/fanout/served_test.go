package fanout

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/fake"
	clientgotesting "k8s.io/client-go/testing"
)

// serving is a cluster that serves these resources, of each group the preferred
// version first.
func serving(lists ...*metav1.APIResourceList) *catalogue {
	return &catalogue{discovery: &fake.FakeDiscovery{Fake: &clientgotesting.Fake{Resources: lists}}}
}

// of is what a version serves: each resource with all verbs.
func of(version string, resources ...string) *metav1.APIResourceList {
	list := &metav1.APIResourceList{GroupVersion: version}
	for _, name := range resources {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: name, Verbs: metav1.Verbs{"get", "list", "watch", "create"}})
	}
	return list
}

func TestTheVersionOfSSPIsThePreferredOneOfThoseThatServeIt(t *testing.T) {
	cdi := of("cdi.kubevirt.io/v1beta1", "dataimportcrons", "datasources")
	for name, tc := range map[string]struct {
		served  []*metav1.APIResourceList
		version string
		missing []string
	}{
		"one version":                              {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1beta2", "ssps", "ssps/status"), cdi}, "v1beta2", nil},
		"the newer of two":                         {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1beta3", "ssps"), of("ssp.kubevirt.io/v1beta2", "ssps"), cdi}, "v1beta3", nil},
		"a version to come":                        {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1", "ssps"), of("ssp.kubevirt.io/v1beta3", "ssps"), cdi}, "v1", nil},
		"another kind has a higher version":        {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1", "others"), of("ssp.kubevirt.io/v1beta3", "ssps"), cdi}, "v1beta3", nil},
		"another kind has the two highest":         {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v2", "others"), of("ssp.kubevirt.io/v1", "others"), of("ssp.kubevirt.io/v1beta3", "ssps"), of("ssp.kubevirt.io/v1beta2", "ssps"), cdi}, "v1beta3", nil},
		"only another kind of the group is served": {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1", "others"), cdi}, "", []string{"ssps.ssp.kubevirt.io"}},
		"a subresource is no SSP":                  {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1", "ssps/status"), cdi}, "", []string{"ssps.ssp.kubevirt.io"}},
		"SSPs of another group":                    {[]*metav1.APIResourceList{of("other.io/v1", "ssps"), cdi}, "", []string{"ssps.ssp.kubevirt.io"}},
		"no CDI":                                   {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1beta3", "ssps")}, "v1beta3", []string{"dataimportcrons.cdi.kubevirt.io", "datasources.cdi.kubevirt.io"}},
		"a CDI without DataSources":                {[]*metav1.APIResourceList{of("ssp.kubevirt.io/v1beta3", "ssps"), of("cdi.kubevirt.io/v1beta1", "dataimportcrons")}, "v1beta3", []string{"datasources.cdi.kubevirt.io"}},
		"nothing at all":                           {nil, "", []string{"ssps.ssp.kubevirt.io", "dataimportcrons.cdi.kubevirt.io", "datasources.cdi.kubevirt.io"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := serving(tc.served...)
			version, missing, err := c.missing(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.missing, missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			want := schema.GroupVersion{Group: sspGroup, Version: tc.version}
			if tc.version == "" {
				want = schema.GroupVersion{}
			}
			if version != want {
				t.Errorf("the version is %q; want %q", version, want)
			}
			if _, ok, err := c.preferred(t.Context()); ok != (tc.version != "") || err != nil {
				t.Errorf("preferred: %t, %v", ok, err)
			}
		})
	}
}

func TestAnSSPThatCannotBeCreatedIsOnItsWayOut(t *testing.T) {
	leaving := of("ssp.kubevirt.io/v1beta3", "ssps")
	leaving.APIResources[0].Verbs = metav1.Verbs{"get", "list", "watch", "delete"}
	for name, tc := range map[string]struct {
		served *metav1.APIResourceList
		want   bool
	}{
		"served":                    {of("ssp.kubevirt.io/v1beta3", "ssps"), true},
		"its CRD is being deleted":  {leaving, false},
		"another version is served": {of("ssp.kubevirt.io/v1", "ssps"), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serving(tc.served).canCreate(t.Context(), benchVersion)
			if got != tc.want || err != nil {
				t.Errorf("%t, %v; want %t", got, err, tc.want)
			}
		})
	}
}

// TestWhatCannotBeLookedUpIsNotMissing: an API server that does not answer is
// no cluster without SSPs.
func TestWhatCannotBeLookedUpIsNotMissing(t *testing.T) {
	for _, what := range []string{"group", "resource"} {
		t.Run(what, func(t *testing.T) {
			c := serving(of("ssp.kubevirt.io/v1beta3", "ssps"))
			down := errors.New("down")
			c.discovery.(*fake.FakeDiscovery).PrependReactor("get", what, func(clientgotesting.Action) (bool, runtime.Object, error) { return true, nil, down })
			if _, ok, err := c.preferred(t.Context()); ok || !errors.Is(err, down) {
				t.Errorf("preferred: %t, %v; want the error", ok, err)
			}
			if _, missing, err := c.missing(t.Context()); len(missing) > 0 || !errors.Is(err, down) {
				t.Errorf("missing %q, %v; want the error", missing, err)
			}
		})
	}
}
