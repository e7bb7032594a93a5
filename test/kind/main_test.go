//go:build kind

package kind

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
)

// options are set by hack/kind.
var options struct {
	kubeconfig, kubectl       string
	node                      string
	install, version          string
	previousInstall, previous string
	helm, logs                string
}

func TestMain(m *testing.M) {
	flag.StringVar(&options.kubeconfig, "kubeconfig", "", "kubeconfig of a cluster with cert-manager and the definitions of test/crds")
	flag.StringVar(&options.kubectl, "kubectl", "", "the kubectl `command`")
	flag.StringVar(&options.node, "node", "", "`container` that is the cluster's node")
	flag.StringVar(&options.install, "install", "", "rendered `file` that is installed")
	flag.StringVar(&options.version, "version", "", "version of dicer in it")
	flag.StringVar(&options.previousInstall, "previous-install", "", "rendered `file` of the preceding release")
	flag.StringVar(&options.previous, "previous-version", "", "version of dicer in that")
	flag.StringVar(&options.helm, "helm", "", "the helm `command`")
	flag.StringVar(&options.logs, "logs", "", "`folder` for the traces of a failure")
	flag.Parse()
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// cases are run in this order, in one cluster.
var cases = []struct {
	name string
	// installed tells whether the case begins with dicer installed.
	installed bool
	run       func(*testing.T, *suite)
}{
	{"install", false, testInstall},
	{"webhook answers through the Service", true, testAnswers},
	{"seed case by fan-out", true, testSeedCase},
	{"DataImportCrons by hand", true, testByHand},
	{"what kubectl shows", true, testKubectl},
	{"pods are restricted", true, testPods},
	{"ten rollouts under creates", true, testRollouts},
	{"leaf renewed under creates", true, testLeaf},
	{"CA rotated under creates", true, testCA},
	{"replicas evicted under creates", true, testEviction},
	{"replica killed under creates", true, testReplicaKilled},
	{"kubelet restarted under creates", true, testKubelet},
	{"API server restarted under creates", true, testAPIServer},
	{"no replica runs", true, testNoReplica},
	{"uninstall", true, testUninstall},
	{"Helm chart", false, testHelm},
	{"upgrade under creates", false, testUpgrade},
}

// TestKind goes on after a case that fails, unless nothing is installed.
func TestKind(t *testing.T) {
	s := newSuite(t)
	results := make([]result, 0, len(cases))
	defer func() { t.Logf("\n%s", table(results)) }()
	for _, c := range cases {
		started, ran := time.Now(), false
		s.figures = ""
		passed := t.Run(c.name, func(t *testing.T) {
			ran = true
			defer func() {
				if t.Failed() {
					s.keepTraces(t, c.name)
				}
			}()
			s.begin(t, c.installed)
			c.run(t, s)
		})
		if ran {
			results = append(results, result{c.name, passed, time.Since(started), s.figures})
		}
		if !passed && c.name == cases[0].name {
			return
		}
	}
	if len(results) == 0 {
		t.Error("no case has such a name")
	}
}

type result struct {
	name    string
	passed  bool
	took    time.Duration
	figures string
}

func table(results []result) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "CASE\tRESULT\tTIME\tFIGURES")
	for _, r := range results {
		outcome := "passed"
		if !r.passed {
			outcome = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.name, outcome, r.took.Round(100*time.Millisecond), r.figures)
	}
	_ = w.Flush() // to memory
	return text.String()
}

// suite is what the cases share.
type suite struct {
	*cluster.Cluster
	// before are all objects of the cluster without dicer.
	before map[string]bool
	// figures are the running case's, for the table.
	figures string
	// installed tells whether options.install is.
	installed bool
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	c, err := cluster.Open(t.Context(), options.kubeconfig, options.kubectl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &suite{Cluster: c}
	// SSP makes golden, an administrator the namespace of its SSP.
	for name, labels := range map[string]map[string]string{golden: nil, "kubevirt": nil, streamed: nil, ignored: {"dicer.dev/admission": "ignore"}} {
		if err := c.Namespace(t.Context(), name, labels); err != nil {
			t.Fatal(err)
		}
	}
	// Each gets these from a controller.
	s.eventually(t, time.Minute, func() error {
		for _, name := range []string{golden, "kubevirt", streamed, ignored} {
			if _, _, err := s.Kubectl(t.Context(), "", "get", "--namespace", name, "serviceaccount/default", "configmap/kube-root-ca.crt"); err != nil {
				return err
			}
		}
		return nil
	})
	if s.before, err = s.everything(t); err != nil {
		t.Fatal(err)
	}
	return s
}

// keepTraces keeps what tells of a failure, before later steps remove it.
func (s *suite) keepTraces(t *testing.T, name string) {
	t.Helper()
	dir := filepath.Join(options.logs, strings.ReplaceAll(name, " ", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
		return
	}
	for file, args := range map[string][]string{
		"objects.yaml":        {"get", "all,configmaps,networkpolicies,endpointslices,certificates,certificaterequests,issuers", "--namespace", namespace, "--output", "yaml"},
		"events.txt":          {"get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"},
		"pods.txt":            {"describe", "pods", "--namespace", namespace},
		"webhook.log":         {"logs", "--namespace", namespace, "--selector", "app.kubernetes.io/component=webhook", "--prefix", "--tail=-1"},
		"fanout.log":          {"logs", "--namespace", namespace, "--selector", "app.kubernetes.io/component=fanout", "--prefix", "--tail=-1"},
		"cert-manager.log":    {"logs", "--namespace", "cert-manager", "--selector", "app.kubernetes.io/name=cert-manager", "--prefix", "--tail=-1"},
		"configurations.yaml": {"get", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "dicer", "--output", "yaml"},
	} {
		stdout, stderr, _ := s.Kubectl(t.Context(), "", args...)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(stdout+stderr), 0o644); err != nil {
			t.Error(err)
		}
	}
	t.Logf("kept in %s", dir)
}
