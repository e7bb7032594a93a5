package cluster

import "context"

// BuildFanout builds the fan-out controller into dir and returns the binary's
// path.
func BuildFanout(ctx context.Context, dir string) (string, error) {
	return buildCommand(ctx, "fanout", dir)
}

// FanoutOptions are how StartFanout runs the fan-out controller.
type FanoutOptions struct {
	// Binary is the path of the built controller. Required.
	Binary string
	// Kubeconfig is given as --kubeconfig. Required.
	Kubeconfig string
	// LogDir is where its log is written. Required.
	LogDir string
	// Args are further flags. Default: none.
	Args []string
	// Env is its whole environment, as key=value. Default: empty.
	Env []string
}

// Fanout is a running fan-out controller.
type Fanout struct {
	*Command
}

// StartFanout starts the controller and returns once it is ready, which it may
// be without being the leader. Cancelling ctx ends the start, not the
// controller.
func StartFanout(ctx context.Context, options FanoutOptions) (*Fanout, error) {
	ports, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	command, err := startCommand(ctx, commandLine{
		binary: options.Binary, logDir: options.LogDir, healthPort: ports[0], metricsPort: ports[1], env: options.Env,
		args: append([]string{"--kubeconfig=" + options.Kubeconfig}, options.Args...),
	})
	if err != nil {
		return nil, err
	}
	return &Fanout{command}, nil
}
