package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dicer-dev/dicer/test/cluster"
)

func TestFanoutMakesPlainDataImportCronsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	metadata := labels("team", "virt") + `, annotations: {cdi.kubevirt.io/storage.bind.immediate.requested: "true", operator-sdk/primary-resource: x, kubectl.kubernetes.io/last-applied-configuration: "{}"}`
	templates := []string{template("plain", "", "fedora", metadata), template("empty", "", "centos", annotations(listKey, "")), template("multi", "arm64", "multi", "")}
	t.Run("annotated", func(t *testing.T) {
		p := newPlace(t)
		f := p.start()
		ssp := p.ssp("ssp", templates...)
		p.stand("multi-arm64")
		p.lookedTwice(f, ssp)
		p.stand("multi-arm64")
		if diff := cmp.Diff([]string{"create dataimportcrons/multi-arm64 201"}, p.writes(p.golden)); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
	t.Run("all", func(t *testing.T) {
		p := newPlace(t, templatesAll)
		p.start()
		// The flag is the SSP operator's, and there is none here.
		ssp := p.ssp("ssp", templates...)
		p.patch(ssp, `{"spec":{"enableMultipleArchitectures":true}}`)
		standing := p.stand("empty", "multi-arm64", "plain")
		want := dic("plain", labels("team", "virt")+annotations("cdi.kubevirt.io/storage.bind.immediate.requested", "true"), "fedora", registry)
		want.SetNamespace(p.golden)
		if diff := cmp.Diff(want.Object, without(standing["plain"])); diff != "" {
			t.Errorf("plain (-want +got):\n%s", diff)
		}
		p.eventually(func() error { return p.only("DataSource", "multi") })
		p.put(set(ssp, []any{}, "spec", "commonTemplates", "dataImportCronTemplates"))
		p.stand()
		p.eventually(func() error { return p.only("DataSource") })
	})
}

func TestFanoutPointsTheDataSourceToTheDefaultArchitecture(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	f := p.start()
	ssp := p.ssp("ssp", template("rhel10", "s390x,amd64,arm64", "rhel10", ""), template("fedora", "amd64", "fedora", ""))
	all := []string{"amd64", "arm64", "s390x"}
	for _, step := range []struct {
		name, cluster string
		want          string
		standing      []string
	}{
		{"no cluster: the list's first", `null`, "s390x", all},
		{"the control plane's first, which comes before workload", `{"controlPlaneArchitectures":["amd64"],"workloadArchitectures":["arm64","s390x"]}`, "amd64", all},
		{"one of the control plane that the list does not have", `{"controlPlaneArchitectures":["ppc64le"],"workloadArchitectures":["arm64","s390x"]}`, "arm64", []string{"arm64", "s390x"}},
		{"workload's first, in its own order", `{"workloadArchitectures":["s390x","arm64"],"controlPlaneArchitectures":[]}`, "s390x", []string{"arm64", "s390x"}},
		{"narrowed", `{"workloadArchitectures":["amd64","arm64"],"controlPlaneArchitectures":null}`, "amd64", []string{"amd64", "arm64"}},
		{"widened again", `{"workloadArchitectures":["s390x","amd64","arm64"]}`, "s390x", all},
		{"none that the list has: all is kept", `{"workloadArchitectures":["ppc64le"],"controlPlaneArchitectures":["ppc64le"]}`, "s390x", all},
		{"no cluster again", `null`, "s390x", all},
	} {
		p.patch(ssp, fmt.Sprintf(`{"spec":{"cluster":%s}}`, step.cluster))
		var names []string
		for _, a := range step.standing {
			names = append(names, "rhel10-"+a)
			if a == "amd64" {
				names = append(names, "fedora-amd64")
			}
		}
		p.eventually(func() error {
			if err := p.points("rhel10", "rhel10-"+step.want); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
			return nil
		})
		if step.standing[0] != "amd64" {
			// Not one architecture is left to it: it keeps what stands.
			names = append(names, "fedora-amd64")
		}
		p.stand(names...)
	}
	p.told(p.ssps, "NoArchitectureLeft", `"fedora"`, "spec.cluster")
	p.told(p.ssps, "NoArchitectureLeft", `"rhel10"`, "spec.cluster")
	p.handsOnPointer(f, ssp)
}

// handsOnPointer changes a DataSource by hand, and takes its template away.
func (p *place) handsOnPointer(f *cluster.Fanout, ssp *unstructured.Unstructured) {
	p.t.Helper()
	object := p.list(p.golden, "DataSource")["rhel10"]
	p.patch(object, `{"spec":{"source":{"dataSource":{"name":"other"}}},"metadata":{"labels":{"mine":"1"}}}`)
	p.eventually(func() error { return p.points("rhel10", "rhel10-s390x") })
	p.patch(object, `{"spec":{"source":{"dataSource":null,"pvc":{"namespace":"a","name":"b"}}}}`)
	p.eventually(func() error { return p.points("rhel10", "rhel10-s390x") })
	if now := stored(p.t, object); now.GetUID() != object.GetUID() || now.GetLabels()["mine"] != "1" {
		p.t.Errorf("the DataSource was made anew, or lost a label: %v", now.GetLabels())
	}
	p.lookedTwice(f, ssp)
	p.ssp("ssp", template("fedora", "amd64", "fedora", ""))
	p.stand("fedora-amd64")
	p.eventually(func() error { return p.only("DataSource", "fedora") })
}

func TestFanoutStandsDownForTheSSPOperator(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	fedora, centos := template("fedora", "amd64", "fedora", ""), template("centos", "s390x", "centos", "")
	p.ssp("ssp", two, fedora, centos)
	standing := p.stand("centos-s390x", "fedora-amd64", "rhel10-amd64", "rhel10-arm64")
	down := func(templates ...string) *unstructured.Unstructured {
		object := ssp("ssp", templates...)
		object.SetNamespace(p.ssps)
		return p.put(set(object, true, "spec", "enableMultipleArchitectures"))
	}
	// Another spec, a list item more, another template, and one that somebody
	// deletes: all are the operator's to make now.
	p.delete(standing["centos-s390x"])
	p.stand("centos-s390x", "fedora-amd64", "rhel10-amd64", "rhel10-arm64")
	object := down(template("rhel10", "amd64,arm64,s390x", "other", labels("a", "b")), fedora, centos, template("new", "amd64", "new", ""))
	p.told(p.ssps, "StandingDown", "spec.enableMultipleArchitectures")
	p.lookedTwice(f, object)
	before := p.writes(p.golden)
	p.delete(standing["fedora-amd64"])
	p.lookedTwice(f, object)
	p.identical(standing["rhel10-amd64"], standing["rhel10-arm64"])
	p.stand("centos-s390x", "rhel10-amd64", "rhel10-arm64")
	if diff := cmp.Diff(before, p.writes(p.golden)); diff != "" {
		t.Errorf("standing down, the controller wrote (-before +after):\n%s", diff)
	}
	down(template("rhel10", "amd64", "other", ""), fedora, centos)
	p.stand("centos-s390x", "rhel10-amd64")
	down(template("rhel10", "amd64", "other", ""), fedora)
	p.stand("rhel10-amd64")
	p.identical(standing["rhel10-amd64"])
	p.delete(object)
	p.stand()
}

func TestFanoutDeletesNothingWhenItGoesFromAllToAnnotated(t *testing.T) {
	t.Parallel()
	p := newPlace(t, templatesAll)
	f := p.start()
	plain := template("plain", "", "plain", "")
	ssp := p.ssp("ssp", plain, two)
	standing := p.stand("plain", "rhel10-amd64", "rhel10-arm64")
	p.eventually(func() error { return p.points("rhel10", "rhel10-amd64") })
	source := stored(t, p.list(p.golden, "DataSource")["rhel10"])
	p.stop(f)
	p.role(p.golden)
	f = p.start("--templates=annotated")
	p.lookedTwice(f, ssp)
	p.identical(source, standing["plain"], standing["rhel10-amd64"], standing["rhel10-arm64"])
	p.noDeletes()
	p.ssp("ssp", two)
	p.stand("rhel10-amd64", "rhel10-arm64")
	p.identical(source)
	p.ssp("ssp", plain)
	p.stand()
	// Without the rule of components/templates-all it stays, as is said there.
	p.told(p.ssps, "WriteForbidden", "DataSource "+p.golden+"/rhel10", "dicer's Role")
	p.identical(source)
	p.grant(p.golden)
	p.eventually(func() error { return p.only("DataSource") })
}

func TestFanoutKeepsItsHandsOffAPausedSSP(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", two, template("dropped", "amd64", "dropped", ""))
	names := []string{"dropped-amd64", "rhel10-amd64", "rhel10-arm64"}
	standing := p.stand(names...)
	// rhel10 is to be replaced, dropped deleted, and new created.
	object := ssp("ssp", template("rhel10", "amd64,arm64", "other", ""), template("new", "amd64", "new", ""))
	object.SetNamespace(p.ssps)
	object.SetAnnotations(map[string]string{"kubevirt.io/operator.paused": "true"})
	p.put(object)
	p.told(p.ssps, "Paused", "kubevirt.io/operator.paused")
	// Counted as wanted, an alert on them would never end.
	p.shows(f, "dicer_fanout_wanted", nil, 0)
	before := p.writes(p.golden)
	p.patch(standing["rhel10-amd64"], `{"metadata":{"labels":{"template.kubevirt.io/architecture":null}}}`)
	changed := stored(t, standing["rhel10-amd64"])
	p.lookedTwice(f, object)
	f.Kill()
	f = p.start()
	p.lookedTwice(f, object)
	p.stand(names...)
	p.identical(changed, standing["rhel10-arm64"], standing["dropped-amd64"])
	if diff := cmp.Diff(before, p.writes(p.golden)); diff != "" {
		t.Errorf("paused, the controller wrote (-before +after):\n%s", diff)
	}
	p.patch(object, `{"metadata":{"annotations":{"kubevirt.io/operator.paused":null}}}`)
	p.eventually(func() error {
		for name, object := range p.stand("new-amd64", "rhel10-amd64", "rhel10-arm64") {
			if name != "new-amd64" && object.GetLabels()[baseKey] != "other" {
				return fmt.Errorf("%s is the old one", name)
			}
		}
		return nil
	})
}

func TestFanoutKeepsEverythingOfATemplateWhoseListIsWrong(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", template("rhel10", " amd64 , arm64 ", "rhel10", ""), template("fedora", "amd64", "fedora", ""))
	standing := p.stand("fedora-amd64", "rhel10-amd64", "rhel10-arm64")
	wrong := p.ssp("ssp", template("rhel10", "amd64,arn64,s390x", "rhel10", ""), template("centos", "amd64,x86_64,,amd64", "centos", ""))
	now := p.stand("centos-amd64", "rhel10-amd64", "rhel10-arm64", "rhel10-s390x")
	e := p.told(p.ssps, "InvalidList", `"rhel10"`, "arn64", `did you mean`, "arm64", `"centos"`, "x86_64")
	if e.Type != "Warning" {
		t.Errorf("the event is a %s", e.Type)
	}
	p.lookedTwice(f, wrong)
	p.identical(standing["rhel10-amd64"], standing["rhel10-arm64"], now["rhel10-s390x"])
	// Nor is anything replaced.
	p.ssp("ssp", template("rhel10", "amd64,arn64", "other", ""))
	p.told(p.ssps, "Kept", "rhel10-amd64", "its list is wrong")
	p.stand("rhel10-amd64", "rhel10-arm64", "rhel10-s390x")
	p.identical(standing["rhel10-amd64"], standing["rhel10-arm64"], now["rhel10-s390x"])
	p.ssp("ssp", template("rhel10", "amd64", "rhel10", ""))
	p.stand("rhel10-amd64")
	p.identical(standing["rhel10-amd64"])
}

func TestFanoutDeletesWhatATemplateWithoutAListLeaves(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.start()
	p.ssp("ssp", two, template("fedora", "amd64", "fedora", ""))
	p.stand("fedora-amd64", "rhel10-amd64", "rhel10-arm64")
	p.ssp("ssp", template("rhel10", "", "rhel10", ""), template("fedora", "", "fedora", annotations(listKey, "")))
	p.stand()
}

func TestFanoutHasNothingToDoBehindHCO(t *testing.T) {
	t.Parallel()
	for name, object := range map[string]*unstructured.Unstructured{
		"whose SSP operator fans out": set(ssp("hco", two), true, "spec", "enableMultipleArchitectures"),
		"that hands on no list":       ssp("hco", template("rhel10", "", "rhel10", "")),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			f := p.start()
			object.SetNamespace(p.ssps)
			object.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "hco-operator"})
			p.put(object)
			if e := p.told(p.ssps, "NothingToDo", "HCO", "not needed"); e.Type != "Normal" {
				t.Errorf("the event is a %s", e.Type)
			}
			p.lookedTwice(f, object)
			if got := p.writes(p.golden); len(got) > 0 {
				t.Errorf("the controller wrote %q", got)
			}
		})
	}
}
