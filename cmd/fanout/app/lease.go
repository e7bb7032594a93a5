package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	// leaseName is the Lease that the leader holds.
	leaseName = "dicer-fanout"
	// podNamespacePath is where Kubernetes tells a pod its namespace.
	podNamespacePath = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// lease is the lock of leader election, which knows whether it was ever reached.
type lease struct {
	resourcelock.Interface
	reached atomic.Bool
}

// newLease is controller-runtime's own lock but for events about who leads, which
// would need one more permission. As there, a request is given up in half of
// renewDeadline: client-go gives it all of that, or for a standby no end, and one
// that hangs would cost the lead.
func newLease(reach *rest.Config, namespace, instance string, renewDeadline time.Duration) (*lease, error) {
	if namespace == "" {
		content, err := os.ReadFile(podNamespacePath)
		if err != nil {
			return nil, fmt.Errorf("not in a pod, so set --leader-elect-resource-namespace or --leader-elect=false: %w", err)
		}
		namespace = strings.TrimSpace(string(content))
	}
	reach = rest.CopyConfig(reach)
	reach.Timeout = max(renewDeadline/2, time.Second)
	clients, err := kubernetes.NewForConfig(reach)
	if err != nil {
		return nil, err
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, namespace, leaseName, clients.CoreV1(), clients.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: instance})
	return &lease{Interface: lock}, err
}

// Get implements resourcelock.Interface.
func (l *lease) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err == nil {
		l.reached.Store(true)
	}
	return record, raw, err
}

// Create implements resourcelock.Interface.
func (l *lease) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, record)
	if err == nil {
		l.reached.Store(true)
	}
	return err
}

// ready is a probe. A replica that waits for the Lease is as ready as the one
// that has it; one that has never come to it, for want of a permission or of a
// way to the API server, must not replace one that has. An API server that goes
// away later is nothing that another pod would cure.
func (l *lease) ready(*http.Request) error {
	if !l.reached.Load() {
		return errors.New("the Lease was neither read nor created yet")
	}
	return nil
}
