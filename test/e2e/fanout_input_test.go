package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dicer-dev/dicer/test/cluster"
)

func TestFanoutMakesAThousandTemplates(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	var templates []string
	for i := range 1000 {
		name := fmt.Sprintf("image-%04d", i)
		templates = append(templates, template(name, "amd64,arm64,s390x", name, ""))
	}
	present := func(want float64) error {
		if got := p.value(f, "dicer_fanout_present", nil); got != want {
			return fmt.Errorf("%v are present; want %v", got, want)
		}
		return nil
	}
	start := time.Now()
	object := p.ssp("ssp", templates...)
	err := cluster.Eventually(t.Context(), 5*time.Minute, func(context.Context) error { return present(3000) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("3,000 DataImportCrons of 1,000 templates stand after %s", time.Since(start).Round(100*time.Millisecond))
	if found := p.crons(p.golden); len(found) != 3000 {
		t.Errorf("%d stand; want 3000", len(found))
	}
	// One event holds as many names as fit.
	p.told(p.ssps, "Created", "image-0000-amd64", " more")
	before := p.requests()
	start = time.Now()
	p.lookedTwice(f, object)
	t.Logf("two reconciles without a change took %s", time.Since(start).Round(time.Millisecond))
	if made := p.requests() - before; made != 0 {
		t.Errorf("a reconcile without a change sent %d write requests", made)
	}
	start = time.Now()
	p.ssp("ssp", templates[:1]...)
	err = cluster.Eventually(t.Context(), 5*time.Minute, func(context.Context) error {
		return p.only("DataImportCron", "image-0000-amd64", "image-0000-arm64", "image-0000-s390x")
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("2,997 are gone after %s", time.Since(start).Round(100*time.Millisecond))
}

// requests counts the controller's requests that could write, to wherever it
// may in this place, dry runs too.
func (p *place) requests() int {
	p.t.Helper()
	p.answered()
	n := 0
	for _, e := range auditEvents(p.t, "") {
		if e.User.Username == fanoutUser && strings.HasPrefix(e.ObjectRef.Namespace, p.golden) {
			n++
		}
	}
	return n
}

// specOf writes a whole SSP spec.
func specOf(templates ...string) string {
	return "{commonTemplates: {namespace: kubevirt, dataImportCronTemplates: [" + strings.Join(templates, ", ") + "]}}"
}

// rawSSP writes an SSP whose spec, if it has one, may be anything.
func rawSSP(name, spec string) string {
	if spec != "" {
		spec = "\nspec: " + spec
	}
	return fmt.Sprintf("apiVersion: ssp.kubevirt.io/v1beta3\nkind: SSP\nmetadata: {name: %q}%s", name, spec)
}

const storage = "storage: {resources: {requests: {storage: 30Gi}}}"

func TestTheSSPSchemaRefusesWhatNobodyCouldFanOut(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for name, c := range map[string]struct{ spec, want string }{
		"no commonTemplates":         {"{}", "spec.commonTemplates: Required value"},
		"a template without a spec":  {specOf("{metadata: {name: a}}"), "dataImportCronTemplates[0].spec: Required value"},
		"no managedDataSource":       {specOf(templateOf("a", "amd64", "{schedule: '', template: {spec: {}}}", "")), "spec.managedDataSource: Required value"},
		"templates that are no list": {"{commonTemplates: {namespace: a, dataImportCronTemplates: text}}", "must be of type array"},
		"a template that is a text":  {specOf("text"), "must be of type object"},
	} {
		object := parse(rawSSP("refused", c.spec))
		object.SetNamespace(p.ssps)
		err := env.Client.Create(t.Context(), object)
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want invalid, with %q", name, err, c.want)
		}
	}
}

// badSSPs are SSPs that admission, or even the schema, would refuse.
var badSSPs = map[string]struct {
	// spec is empty where there is none at all.
	spec string
	// reason is empty where nothing is wrong; texts are the event's.
	reason string
	texts  []string
	// standing is what it makes all the same.
	standing []string
}{
	"no-spec":           {"", "SSPUnreadable", []string{"has no spec.commonTemplates", "nothing is deleted"}, nil},
	"no-common":         {"{}", "SSPUnreadable", []string{"has no spec.commonTemplates"}, nil},
	"text-spec":         {"text", "SSPUnreadable", []string{"spec"}, nil},
	"text-templates":    {"{commonTemplates: {dataImportCronTemplates: text}}", "SSPUnreadable", []string{"dataImportCronTemplates"}, nil},
	"text-template":     {specOf("text", template("besides-text", "amd64", "besides-text", "")), "InvalidTemplate", []string{"dataImportCronTemplates[0]"}, []string{"besides-text-amd64"}},
	"null-template":     {specOf("null"), "InvalidTemplate", []string{"dataImportCronTemplates[0]"}, nil},
	"list-of-numbers":   {specOf("{metadata: {name: numbers, annotations: {" + listKey + ": 5}}, spec: " + spec("numbers", registry) + "}"), "InvalidTemplate", []string{"dataImportCronTemplates[0]", "annotations", "number"}, nil},
	"no-name":           {specOf("{metadata: {annotations: {" + listKey + ": amd64}}, spec: " + spec("no-name", registry) + "}"), "InvalidTemplate", []string{"dataImportCronTemplates[0].metadata.name", "without a name"}, nil},
	"no-template-spec":  {specOf("{metadata: {name: bodiless, annotations: {" + listKey + ": amd64}}}"), "InvalidTemplate", []string{"bodiless", "managedDataSource"}, nil},
	"no-source":         {specOf(templateOf("sourceless", "amd64", `{managedDataSource: sourceless, schedule: "0 0 * * *", template: {spec: {`+storage+`}}}`, "")), "InvalidTemplate", []string{"sourceless", "names no source", "set its registry"}, nil},
	"null-source":       {specOf(templateOf("nullsource", "amd64", `{managedDataSource: nullsource, schedule: "0 0 * * *", template: {spec: {source: null, `+storage+`}}}`, "")), "InvalidTemplate", []string{"nullsource", "names no source"}, nil},
	"no-datasource":     {specOf(templateOf("unmanaged", "amd64", `{schedule: "0 0 * * *", template: {spec: {source: {`+registry+`}, `+storage+`}}}`, "")), "InvalidTemplate", []string{"unmanaged", "must name a DataSource"}, nil},
	"no-schedule":       {specOf(templateOf("scheduleless", "amd64", `{managedDataSource: scheduleless, template: {spec: {source: {`+registry+`}, `+storage+`}}}`, "")), "WriteRejected", []string{"scheduleless-amd64", "spec.schedule: Required value"}, nil},
	"label":             {specOf(template("badlabel", "amd64", "badlabel", labels("a", "not legal"))), "WriteRejected", []string{"badlabel-amd64", "metadata.labels"}, nil},
	"upper":             {specOf(template("UPPER", "amd64", "upper", "")), "InvalidTemplate", []string{"UPPER-amd64"}, nil},
	"long-name":         {specOf(template(strings.Repeat("n", 58), "amd64", "long", "")), "InvalidTemplate", []string{strings.Repeat("n", 58), "63"}, nil},
	"long-enough":       {specOf(template(strings.Repeat("e", 57), "amd64", strings.Repeat("f", 57), "")), "", nil, []string{strings.Repeat("e", 57) + "-amd64"}},
	"long-datasource":   {specOf(template("longds", "amd64", strings.Repeat("d", 58), "")), "InvalidTemplate", []string{"longds", strings.Repeat("d", 58), "63"}, nil},
	"same-name":         {specOf(template("twin", "amd64", "one", ""), template("twin", "amd64", "two", "")), "DuplicateName", []string{"twin-amd64", `"twin"`}, []string{"twin-amd64"}},
	"same-datasource":   {specOf(template("cain", "amd64", "eden", ""), template("abel", "amd64", "eden", "")), "DuplicateDataSource", []string{"abel-amd64", "cain-amd64", `"eden-amd64"`}, []string{"cain-amd64"}},
	"illegal-namespace": {specOf(template("placeless", "amd64", "placeless", `, namespace: "Not/Legal"`)), "NamespaceNotAllowed", []string{"placeless-amd64", "--target-namespaces"}, nil},
	"http":              {specOf(templateOf("web", "amd64", spec("web", `http: {url: "http://images/disk"}`), "")), "TemplateWarning", []string{`"web"`, "registry"}, []string{"web-amd64"}},
	"pvc":               {specOf(templateOf("claim", "amd64", spec("claim", `pvc: {name: a, namespace: b}`), "")), "TemplateWarning", []string{`"claim"`, "registry"}, []string{"claim-amd64"}},
	"unknown-fields":    {"{brandNew: {a: [1]}, commonTemplates: {brandNew: 1, dataImportCronTemplates: [{brandNew: 1, metadata: {name: extra, brandNew: {}, annotations: {" + listKey + ": amd64}}, spec: {brandNew: x, managedDataSource: extra, schedule: '0 0 * * *', template: {brandNew: 1, spec: {brandNew: 1, source: {registry: {imageStream: a, brandNew: 1}}, " + storage + "}}}}]}}", "", nil, []string{"extra-amd64"}},
}

// Not parallel: it loosens the schema of the SSP CRD.
func TestFanoutTellsOfBadInputAndGoesOn(t *testing.T) {
	p := newPlace(t)
	p.loosen()
	f := p.start()
	var names []string
	for name, bad := range badSSPs {
		object := parse(rawSSP(name, bad.spec))
		object.SetNamespace(p.ssps)
		p.put(object)
		t.Cleanup(func() { remove(object) })
		names = append(names, bad.standing...)
	}
	p.stand(names...)
	for name, bad := range badSSPs {
		if bad.reason != "" {
			p.warned(name, bad.reason, bad.texts...)
		}
	}
	// A hot loop is what must not be, and takes time to show.
	looked, requests, start := p.value(f, reconciles, nil), p.requests(), time.Now()
	time.Sleep(time.Minute)
	looked, requests = p.value(f, reconciles, nil)-looked, p.requests()-requests
	t.Logf("%d bad SSPs: %v reconciles and %d write requests, dry runs included, in %s", len(badSSPs), looked, requests, time.Since(start).Round(time.Second))
	// Two cannot be written and are tried again after 1, 2, 4, ... s.
	if looked > 60 || requests > 20 {
		t.Errorf("%v reconciles and %d write requests in a minute; want 60 and 20 at most", looked, requests)
	}
	p.ssp("good", template("good", "amd64,arm64", "good", ""))
	p.stand(append(names, "good-amd64", "good-arm64")...)
	if got := p.value(f, "controller_runtime_reconcile_panics_total", nil); got != 0 {
		t.Errorf("%v panics", got)
	}
	if log, err := f.Logs(); err != nil || strings.Contains(strings.ToLower(log), "panic") {
		t.Errorf("the log has a panic, or cannot be read: %v", err)
	}
}
