package ratchet

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

// env is a cluster of its own: what is created has to come before the webhooks.
var env *cluster.Cluster

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code, err := cluster.RunTests(
		func(ctx context.Context) (err error) {
			env, err = cluster.Start(ctx, cluster.Options{CRDs: crds.All()})
			return err
		},
		m.Run,
		func() error {
			if env == nil {
				return nil
			}
			return env.Stop()
		})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ratchet:", err)
		code = 1
	}
	os.Exit(code)
}
