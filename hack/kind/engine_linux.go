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
	// networkPrefix begins the name of a network namespace of ours; the number of
	// its process ends it.
	networkPrefix = "dicer-kind-"
	// sysResource is the number of CAP_SYS_RESOURCE, as in capability.h.
	sysResource = 24
)

// startEngine starts one of our own, with its data in folder data.
func startEngine(ctx context.Context, data string) (_ *engine, err error) {
	// Not in data: a socket's path has a hundred characters at the most.
	dir, err := os.MkdirTemp("", "dicer-kind-")
	if err != nil {
		return nil, err
	}
	// Its name tells whether it is in use, whoever's it is.
	e := &engine{own: true, network: networkPrefix + strconv.Itoa(os.Getpid()), dir: dir, host: "unix://" + filepath.Join(dir, "docker.sock"), exited: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.stop())
		}
	}()
	args := []string{
		"--net=" + namespaces + e.network, "dockerd", "--host", e.host, "--data-root", data,
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
	if err := makeNetwork(ctx, e.network); err != nil {
		return nil, err
	}
	return e, e.start(ctx, args)
}

// makeNetwork makes one, and removes those of runs that were killed outright.
func makeNetwork(ctx context.Context, name string) error {
	made, err := filepath.Glob(namespaces + networkPrefix + "*")
	if err != nil {
		return err
	}
	for _, path := range made {
		if pid := strings.TrimPrefix(path, namespaces+networkPrefix); !running(pid) {
			if err := quietly(command(ctx, "ip", "netns", "delete", filepath.Base(path))); err != nil {
				return err
			}
		}
	}
	if err := quietly(command(ctx, "ip", "netns", "add", name)); err != nil {
		return err
	}
	return quietly(command(ctx, "ip", "-netns", name, "link", "set", "lo", "up"))
}

// running tells whether there is a process of that number.
func running(pid string) bool {
	_, err := os.Stat(filepath.Join("/proc", pid))
	return err == nil
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
	if _, missing := os.Stat(namespaces + e.network); missing == nil {
		err = quietly(exec.Command("ip", "netns", "delete", e.network))
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
