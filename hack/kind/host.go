package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// need is something that has to be on the machine.
type need struct {
	// Package is Debian's, which brings it.
	Package string
	// Found tells whether it is there.
	Found func(context.Context) bool
}

func program(name string) func(context.Context) bool {
	return func(context.Context) bool {
		_, err := exec.LookPath(name)
		return err == nil
	}
}

func file(path string) func(context.Context) bool {
	return func(context.Context) bool {
		_, err := os.Stat(path)
		return err == nil
	}
}

func library(name string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		return command(ctx, "pkg-config", "--exists", name).Run() == nil
	}
}

// engineNeeds are those of a container engine of our own, in a network
// namespace of its own.
var engineNeeds = []need{
	{"docker.io", program("dockerd")},
	{"docker.io", program("docker")},
	{"runc", program("runc")},
	{"iptables", program("iptables")},
	{"iproute2", program("ip")},
	{"util-linux", program("nsenter")},
}

// buildNeeds are those of a node image from source.
var buildNeeds = []need{
	{"debootstrap", program("debootstrap")},
	{"debian-archive-keyring", file("/usr/share/keyrings/debian-archive-keyring.gpg")},
	{"util-linux", program("unshare")},
	{"gcc", program("gcc")},
	{"libc6-dev", file("/usr/include/stdlib.h")},
	{"pkg-config", program("pkg-config")},
	{"libseccomp-dev", library("libseccomp")},
}

// missing returns the packages, each once, in the order of needs.
func missing(ctx context.Context, needs []need) []string {
	var packages []string
	seen := map[string]bool{}
	for _, n := range needs {
		if !seen[n.Package] && !n.Found(ctx) {
			seen[n.Package] = true
			packages = append(packages, n.Package)
		}
	}
	return packages
}

// provide installs what is missing, where this is root on a Debian; elsewhere it
// says what a person has to install.
func provide(ctx context.Context, s *steps, needs []need) (note string, err error) {
	packages := missing(ctx, needs)
	if len(packages) == 0 {
		return "there already", nil
	}
	list := strings.Join(packages, " ")
	if _, err := exec.LookPath("apt-get"); runtime.GOOS != "linux" || os.Geteuid() != 0 || err != nil {
		return "", usageError(fmt.Sprintf("not on this machine: %s; on Debian: sudo apt-get install %s (the other way: a container engine that runs and can pull, and -source %s)", list, list, sourcePublished))
	}
	s.say("apt-get install %s", list)
	if err := quietly(apt(ctx, "update")); err != nil {
		return "", err
	}
	if err := quietly(apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)); err != nil {
		return "", err
	}
	if packages = missing(ctx, needs); len(packages) > 0 {
		return "", usageError(fmt.Sprintf("installed, and still not found: %s", strings.Join(packages, " ")))
	}
	return "installed " + list, nil
}

func apt(ctx context.Context, args ...string) *exec.Cmd {
	cmd := command(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return cmd
}
