package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// stopTimeout is how long a process has between being asked to end and being
	// killed: nothing is lost with it.
	stopTimeout = 5 * time.Second
	tailLines   = 20
)

// Options are how a process is started.
type Options struct {
	// Name is how errors call it.
	Name string
	// Binary and Args are what is run.
	Binary string
	Args   []string
	// Env is its whole environment, as key=value.
	Env []string
	// Log is the file that its output is written to.
	Log string
	// CPUs are those that it may use; all, where there are none, and where the
	// system cannot tell it.
	CPUs []int
}

// Process is a running process.
type Process struct {
	options Options
	cmd     *exec.Cmd
	exited  chan struct{}
	// exitErr is set once exited is closed.
	exitErr error
}

// Start starts a process.
func Start(options Options) (*Process, error) {
	log, err := os.Create(options.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(options.Binary, options.Args...)
	// Not nil, which would stand for this process's own.
	cmd.Env = append([]string{}, options.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if err := startOn(options.CPUs, cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", options.Name, err)
	}
	p := &Process{options: options, cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.exitErr = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Until calls ready every interval until it succeeds. It fails as soon as the
// process exits, with the end of its log.
func (p *Process) Until(ctx context.Context, interval, timeout time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s exited: %v; its log ends with:\n%s", p.options.Name, p.exitErr, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %w; its log ends with:\n%s", p.options.Name, context.Cause(ctx), err, p.tail())
		case <-ticker.C:
		}
	}
}

// Stop asks the process to exit, and insists after a while.
func (p *Process) Stop() {
	// It fails only where the process has exited already.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

func (p *Process) tail() string {
	log, err := os.ReadFile(p.options.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// Memory is what a process has of it, in bytes.
type Memory struct {
	// Resident is held now, File of it is of files: the program itself. Peak is the
	// most that was resident so far.
	Resident, File, Peak int64
}
