package main

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// namespaces is where ip netns keeps what it names.
const namespaces = "/run/netns/"

// engineTimeout bounds an engine's start; a cold disk is no failure.
const engineTimeout = time.Minute

// engine is a Docker: the user's, or one of our own.
type engine struct {
	// own tells which of the two.
	own bool
	// host is its address; empty for the user's.
	host string
	// network is the name of our own's network namespace: its bridges and rules
	// are nobody else's business, and go with it.
	network string
	// daemon and dir are our own's process and its temporary files.
	daemon *exec.Cmd
	exited chan struct{}
	dir    string
}

// findEngine returns the user's engine, or why none answers.
func findEngine(ctx context.Context) (*engine, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	e := &engine{}
	_, err := e.version(ctx)
	return e, err
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
		args = append([]string{"--net=" + namespaces + e.network, name}, args...)
		name = "nsenter"
	}
	cmd := command(ctx, name, args...)
	cmd.Env = e.environment()
	return cmd
}
