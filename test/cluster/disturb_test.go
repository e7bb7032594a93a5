package cluster

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestTheAPIServerAndEtcdComeBackWithWhatTheyHeld(t *testing.T) {
	c, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Namespace(t.Context(), "kept", nil); err != nil {
		t.Fatal(err)
	}
	find := func(ctx context.Context) error {
		return c.Client.Get(ctx, client.ObjectKey{Name: "kept"}, &corev1.Namespace{})
	}

	bounded, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if err := c.StopAPIServer(bounded); err != nil {
		t.Error(err)
	}
	if err := find(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("stopped, it answers: %v", err)
	}
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := find(t.Context()); err != nil {
		t.Error(err)
	}

	if err := c.SignalEtcd(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := find(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without etcd: %v", err)
	}
	if err := c.SignalEtcd(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := Eventually(t.Context(), startTimeout, find); err != nil {
		t.Error(err)
	}
}
