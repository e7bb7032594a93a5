package cluster

import (
	"context"
	"fmt"
	"os"
)

// StartAPIServer starts the API server, again where it was ended: with the same
// flags, port and etcd. It returns once it is ready. Cancelling ctx ends the start.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	var err error
	c.apiServer, err = startAPIServer(ctx, c.assets, c.Dir, c.Config, c.apiServerFlags)
	return err
}

// StopAPIServer asks the API server to shut down and waits until it has. When ctx
// is over it is killed.
func (c *Cluster) StopAPIServer(ctx context.Context) error { return c.apiServer.stop(ctx) }

// KillAPIServer ends the API server without a warning.
func (c *Cluster) KillAPIServer() { c.apiServer.kill() }

// SignalEtcd sends etcd a signal. Held by SIGSTOP, it answers nobody, and Stop has
// to wait for it and kill it.
func (c *Cluster) SignalEtcd(sig os.Signal) error {
	if err := c.etcd.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("sending %s to etcd: %w", sig, err)
	}
	return nil
}
