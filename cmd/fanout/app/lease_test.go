package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
)

// TestItIsReadyOnceItHasReachedItsLease: a rollout whose pods may not, or
// cannot, reach it keeps the old ones.
func TestItIsReadyOnceItHasReachedItsLease(t *testing.T) {
	for name, answers := range map[string]http.HandlerFunc{
		"of another leader": held,
		"that it creates": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				status(w, http.StatusNotFound, "NotFound")
				return
			}
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"dicer-fanout"},"spec":{}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Int64
			var allowed atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if !allowed.Load() {
					refused.Add(1)
					status(w, http.StatusForbidden, "Forbidden")
					return
				}
				answers(w, r)
			}))
			t.Cleanup(server.Close)
			probes := startManager(t, server.URL)
			eventually(t, func() error {
				if refused.Load() < 2 {
					return errors.New("it has not tried twice")
				}
				return nil
			})
			if code := ask(probes, "/readyz"); code != http.StatusInternalServerError {
				t.Errorf("/readyz while the Lease is refused: %d", code)
			}
			if code := ask(probes, "/healthz"); code != http.StatusOK {
				t.Errorf("/healthz while the Lease is refused: %d", code)
			}
			allowed.Store(true)
			eventually(t, func() error {
				if code := ask(probes, "/readyz"); code != http.StatusOK {
					return fmt.Errorf("/readyz: %d", code)
				}
				return nil
			})
		})
	}
}

// held answers that another one leads.
func held(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"dicer-fanout"},"spec":{"holderIdentity":"other","leaseDurationSeconds":3600,"renewTime":%q}}`,
		time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// TestARequestForTheLeaseThatHangsIsGivenUp is of a standby, too, whose requests
// client-go gives no end.
func TestARequestForTheLeaseThatHangsIsGivenUp(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		held(w, r)
	}))
	t.Cleanup(server.Close)
	probes := startManager(t, server.URL)
	eventually(t, func() error {
		if code := ask(probes, "/readyz"); code != http.StatusOK {
			return fmt.Errorf("/readyz: %d after %d requests", code, asked.Load())
		}
		return nil
	})
}

// startManager starts one against a server and returns the address of its probes.
func startManager(t *testing.T, url string) string {
	t.Helper()
	log.SetLogger(logr.Discard())
	ports, err := cluster.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	o := NewOptions()
	o.HealthProbeBindAddress = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	o.MetricsBindAddress = "0"
	o.LeaderElection.ResourceNamespace = "dicer-system"
	o.LeaderElection.RenewDeadline = 2 * time.Second
	o.LeaderElection.RetryPeriod = 100 * time.Millisecond
	mgr, err := newManager(&rest.Config{Host: url, QPS: -1}, o, "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done // how it ends does not matter: the server does not know all that it asks
	})
	return "http://" + o.HealthProbeBindAddress
}

func ask(address, path string) int {
	response, err := http.Get(address + path)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

func status(w http.ResponseWriter, code int, reason string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":%q,"code":%d}`, reason, code)
}

func eventually(t *testing.T, check func() error) {
	t.Helper()
	if err := cluster.Eventually(t.Context(), 30*time.Second, func(context.Context) error { return check() }); err != nil {
		t.Fatal(err)
	}
}
