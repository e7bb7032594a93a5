//go:build chaos

package hostile

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
)

// env is what all tests share: the webhook, built, and where its files go.
var env struct {
	dir, binary string
}

// TestMain runs the tests, or, where it is started by one, an attack.
func TestMain(m *testing.M) {
	if order := os.Getenv(orderVariable); order != "" {
		if err := attackAsChild(order); err != nil {
			fmt.Fprintln(os.Stderr, "attack:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard())
	if env.dir, err = os.MkdirTemp("", "dicer-hostile-"); err != nil {
		return 1, err
	}
	return cluster.RunTests(
		func(ctx context.Context) error {
			var err error
			env.binary, err = cluster.BuildWebhook(ctx, env.dir)
			return err
		},
		m.Run,
		func() error { return os.RemoveAll(env.dir) })
}
