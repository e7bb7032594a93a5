//go:build kind

package kind

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func testRollouts(t *testing.T, s *suite) {
	o := s.whileCreating(t, func() {
		for range 10 {
			s.kubectl(t, "rollout", "restart", "--namespace", namespace, "deployment/dicer-webhook")
			s.rolledOut(t, "dicer-webhook")
		}
		s.settled(t)
	})
	s.check(t, o)
}

// testEviction is what a drain does to each replica. The second is kept until the
// first has been replaced.
func testEviction(t *testing.T, s *suite) {
	pods := s.pods(t, "webhook")
	o := s.whileCreating(t, func() {
		for i := range pods {
			s.eventually(t, 2*time.Minute, func() error {
				return s.Client.SubResource("eviction").Create(t.Context(), &pods[i], &policyv1.Eviction{})
			})
		}
		s.eventually(t, 3*time.Minute, func() error {
			for i := range pods {
				if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(&pods[i]), &corev1.Pod{}); !apierrors.IsNotFound(err) {
					return fmt.Errorf("pod %s is there: %v", pods[i].Name, err)
				}
			}
			return nil
		})
		s.rolledOut(t, "dicer-webhook")
	})
	s.check(t, o)
}

// testReplicaKilled kills the process, not the pod: nobody is told beforehand.
// Creates may fail until it is ready again.
func testReplicaKilled(t *testing.T, s *suite) {
	victim := s.pods(t, "webhook")[0]
	var recovered time.Time
	o := s.whileCreating(t, func() {
		s.onNode(t, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", container(t, &victim))
		s.eventually(t, 2*time.Minute, func() error {
			p := &corev1.Pod{}
			if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(&victim), p); err != nil {
				return err
			}
			if status := p.Status.ContainerStatuses[0]; status.RestartCount != victim.Status.ContainerStatuses[0].RestartCount+1 || !status.Ready {
				return fmt.Errorf("%s: restarted %d times, ready: %t", p.Name, status.RestartCount, status.Ready)
			}
			return nil
		})
		recovered = time.Now()
	})
	for _, f := range o.others {
		t.Errorf("failed, and not by the webhook's absence: %v", f.err)
	}
	s.checkSince(t, o, recovered)
}

// testKubelet goes on until the new kubelet has found each replica ready several
// times: what it thinks of a pod that it has not started may come late.
func testKubelet(t *testing.T, s *suite) {
	const probes = 3
	o := s.whileCreating(t, func() {
		s.onNode(t, "systemctl", "restart", "kubelet")
		s.eventually(t, 2*time.Minute, func() error {
			// Its counters begin anew.
			metrics, _, err := s.Kubectl(t.Context(), "", "get", "--raw", "/api/v1/nodes/"+options.node+"/proxy/metrics/probes")
			if err != nil {
				return err
			}
			for _, p := range s.pods(t, "webhook") {
				if found := readyProbes(metrics, p.Name); found < probes {
					return fmt.Errorf("the kubelet has found %s ready %d times; want %d", p.Name, found, probes)
				}
			}
			return nil
		})
	})
	s.check(t, o)
}

// readyProbes is how often a kubelet says that it found a pod ready.
func readyProbes(metrics, pod string) int {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "prober_probe_total{") && strings.Contains(line, `pod="`+pod+`"`) &&
			strings.Contains(line, `probe_type="Readiness"`) && strings.Contains(line, `result="successful"`) {
			count, _ := strconv.Atoi(line[strings.LastIndex(line, " ")+1 : len(line)-1])
			return count
		}
	}
	return 0
}

// testAPIServer kills it too; the kubelet starts it again, and no create succeeds
// until then. None may fail for want of the webhook.
func testAPIServer(t *testing.T, s *suite) {
	var recovered time.Time
	o := s.whileCreating(t, func() {
		s.onNode(t, "pkill", "--signal", "KILL", "--exact", "kube-apiserver")
		s.eventually(t, time.Minute, func() error {
			if _, _, err := s.Kubectl(t.Context(), "", "get", "--raw", "/readyz"); err == nil {
				return fmt.Errorf("it has not gone yet")
			}
			return nil
		})
		s.eventually(t, 3*time.Minute, func() error {
			_, _, err := s.Kubectl(t.Context(), "", "get", "--raw", "/readyz")
			return err
		})
		recovered = time.Now()
	})
	for _, f := range o.webhook {
		t.Errorf("failed by the webhook's absence: %v", f.err)
	}
	s.checkSince(t, o, recovered)
	// Fan-out goes on by itself, whoever has the Lease now. What was made it may keep for
	// ten minutes: an API server that starts does not serve SSPs for a moment.
	ssp := s.seedStands(t)
	if err := s.Client.Delete(t.Context(), ssp); err != nil {
		t.Fatal(err)
	}
	if err := s.Client.DeleteAllOf(t.Context(), cron("", nil, ""), client.InNamespace(golden)); err != nil {
		t.Fatal(err)
	}
	s.stand(t)
}
