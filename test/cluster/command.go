package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	dto "github.com/prometheus/client_model/go"
)

// Command is a running command of dicer's.
type Command struct {
	process     *process
	metricsPort int
}

// buildCommand builds a command into dir and returns the binary's path. It is
// the image's file, so that what tests tell of is what is installed.
func buildCommand(ctx context.Context, name, dir string) (string, error) {
	root, err := repositoryRoot()
	if err != nil {
		return "", err
	}
	binary, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("locating the binary of %s: %w", name, err)
	}
	output, err := goCommand(ctx, root, dir, "build", "-o", binary, "./cmd/dicer").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, output)
	}
	return binary, nil
}

// commandLine is how a command is started.
type commandLine struct {
	binary, logDir          string
	healthPort, metricsPort int
	args                    []string
	// env is the whole environment.
	env []string
}

// startCommand starts a command and returns once it is ready. Cancelling ctx
// ends the start, not the command.
func startCommand(ctx context.Context, line commandLine) (*Command, error) {
	health := strconv.Itoa(line.healthPort)
	cmd := exec.Command(line.binary, append([]string{
		"--health-probe-bind-address=127.0.0.1:" + health,
		"--metrics-bind-address=127.0.0.1:" + strconv.Itoa(line.metricsPort),
	}, line.args...)...)
	// Not nil, which would stand for this process's environment.
	cmd.Env = append([]string{}, line.env...)
	process, err := startProcess(cmd, filepath.Join(line.logDir, filepath.Base(line.binary)+"-"+health+".log"))
	if err != nil {
		return nil, err
	}
	c := &Command{process: process, metricsPort: line.metricsPort}
	if err := process.untilReady(ctx, http.DefaultClient, loopbackURL("http", line.healthPort)+"/readyz"); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

// Stop asks the command to shut down and waits until it has. It returns how
// the command exited: nil for status 0. When ctx is over it is killed.
func (c *Command) Stop(ctx context.Context) error {
	return c.process.stop(ctx)
}

// Kill ends the command without a warning, also one that SIGSTOP holds.
func (c *Command) Kill() {
	c.process.kill()
}

// Signal sends a signal. Held by SIGSTOP, the command accepts connections and
// answers none of them.
func (c *Command) Signal(sig os.Signal) error {
	if err := c.process.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("sending %s to %s: %w", sig, c.process.name(), err)
	}
	return nil
}

// Logs returns what the command has logged.
func (c *Command) Logs() (string, error) {
	log, err := os.ReadFile(c.process.logPath)
	if err != nil {
		return "", fmt.Errorf("reading the log of %s: %w", c.process.name(), err)
	}
	return string(log), nil
}

// Metrics returns the command's metrics by name.
func (c *Command) Metrics(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	return metrics(ctx, c.process.name(), http.DefaultClient, loopbackURL("http", c.metricsPort))
}

// Value returns the sum of a counter's or gauge's samples that have these
// labels, whatever others they have: 0 where there is none.
func (c *Command) Value(ctx context.Context, metric string, labels map[string]string) (float64, error) {
	families, err := c.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	return sum(families[metric], labels)
}
