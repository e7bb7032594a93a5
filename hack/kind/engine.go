package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// network is the namespace of our own engine: its bridges and rules are
	// nobody else's business, and go with it.
	network = "dicer-kind"
	// engineTimeout bounds an engine's start; a cold disk is no failure.
	engineTimeout = time.Minute
	// sysResource is the number of CAP_SYS_RESOURCE, as in capability.h.
	sysResource = 24
)

// engine is a Docker: the user's, or one of our own.
type engine struct {
	// own tells which of the two.
	own bool
	// host is its address; empty for the user's.
	host string
	// daemon and dir are our own's process and its temporary files.
	daemon *exec.Cmd
	exited chan struct{}
	dir    string
}

// findEngine returns the user's engine, nil where none answers.
func findEngine(ctx context.Context) *engine {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	e := &engine{}
	if _, err := e.version(ctx); err != nil {
		return nil
	}
	return e
}

func (e *engine) version(ctx context.Context) (string, error) {
	return output(e.docker(ctx, "version", "--format", "{{.Server.Version}}"))
}

// environment is what the docker and kind commands need to find it.
func (e *engine) environment() []string {
	if !e.own {
		return os.Environ()
	}
	return append(os.Environ(), "DOCKER_HOST="+e.host, "DOCKER_CONTEXT=")
}

func (e *engine) docker(ctx context.Context, args ...string) *exec.Cmd {
	cmd := command(ctx, "docker", args...)
	cmd.Env = e.environment()
	return cmd
}

// inNetwork prepares a program that reaches what containers publish on loopback.
// ip netns exec would hide the cgroups.
func (e *engine) inNetwork(ctx context.Context, name string, args ...string) *exec.Cmd {
	if e.own {
		args = append([]string{"--net=/run/netns/" + network, name}, args...)
		name = "nsenter"
	}
	cmd := command(ctx, name, args...)
	cmd.Env = e.environment()
	return cmd
}

// startEngine starts one of our own, with its data in folder data.
func startEngine(ctx context.Context, data string) (_ *engine, err error) {
	// Not in data: a socket's path has a hundred characters at the most.
	dir, err := os.MkdirTemp("", "dicer-kind-")
	if err != nil {
		return nil, err
	}
	e := &engine{own: true, dir: dir, host: "unix://" + filepath.Join(dir, "docker.sock"), exited: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.stop())
		}
	}()
	args := []string{
		"--net=/run/netns/" + network, "dockerd", "--host", e.host, "--data-root", data,
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"),
	}
	if lacks, err := lacksCapability("/proc/self/status", sysResource); err != nil {
		return nil, err
	} else if lacks {
		runtime := filepath.Join(dir, "lesscaps")
		if err := quietly(goBuild(ctx, "hack/kind", runtime, "./lesscaps")); err != nil {
			return nil, err
		}
		args = append(args, "--add-runtime", "lesscaps="+runtime, "--default-runtime", "lesscaps")
	}
	if err := makeNetwork(ctx); err != nil {
		return nil, err
	}
	return e, e.start(ctx, args)
}

// makeNetwork replaces what a run that was killed outright may have left.
func makeNetwork(ctx context.Context) error {
	if _, err := os.Stat("/run/netns/" + network); err == nil {
		if err := quietly(command(ctx, "ip", "netns", "delete", network)); err != nil {
			return err
		}
	}
	if err := quietly(command(ctx, "ip", "netns", "add", network)); err != nil {
		return err
	}
	return quietly(command(ctx, "ip", "-netns", network, "link", "set", "lo", "up"))
}

func (e *engine) start(ctx context.Context, args []string) error {
	path := filepath.Join(e.dir, "dockerd.log")
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer log.Close()
	// Not ctx's: it ends after what runs in it.
	daemon := exec.Command("nsenter", args...)
	daemon.Stdout, daemon.Stderr = log, log
	// Should this process be killed, the kernel tells dockerd to end.
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := daemon.Start(); err != nil {
		return err
	}
	e.daemon = daemon
	go func() {
		_ = daemon.Wait() // how it exits says less than its log
		close(e.exited)
	}()
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	for {
		_, err := e.version(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-e.exited:
			return fmt.Errorf("dockerd exited; its log ends with:\n%s", endOf(path))
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer: %w; its log ends with:\n%s", err, endOf(path))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func endOf(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return tail(string(content))
}

// stop ends an engine of our own, the containers in it, and its network.
func (e *engine) stop() error {
	if !e.own {
		return nil
	}
	if e.daemon != nil {
		_ = e.daemon.Process.Signal(syscall.SIGTERM)
		select {
		case <-e.exited:
		case <-time.After(time.Minute):
			_ = syscall.Kill(-e.daemon.Process.Pid, syscall.SIGKILL)
			<-e.exited
		}
	}
	var err error
	if _, missing := os.Stat("/run/netns/" + network); missing == nil {
		err = quietly(exec.Command("ip", "netns", "delete", network))
	}
	return errors.Join(err, os.RemoveAll(e.dir))
}

// lacksCapability reads the bounding set from a file as /proc/self/status.
func lacksCapability(path string, number uint) (bool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return set&(1<<number) == 0, err
		}
	}
	return false, fmt.Errorf("%s: no line CapBnd", path)
}
