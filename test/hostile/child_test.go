//go:build chaos

package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const (
	// orderVariable has this binary attack: name and address.
	orderVariable = "DICER_HOSTILE_ATTACK"
	politeKey     = "DICER_HOSTILE_POLITE"
	// lowest is the priority of attackers: on one machine with the server they would
	// otherwise harm it by taking its processor, which they cannot from elsewhere.
	lowest = 19
)

// result is what an attacker has done.
type result struct {
	// Connections that were open, requests that were begun, and how many of either
	// the server has closed or refused.
	Connections, Requests, Refused int64
	// Most is how many connections were open at once.
	Most int64
}

// child is an attack in a process of its own.
type child struct {
	cmd   *exec.Cmd
	stop  io.Closer
	lines *bufio.Reader
}

func startAttack(t *testing.T, a attack, address string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), orderVariable+"="+a.name+";"+address)
	cmd.Stderr = os.Stderr
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, stop, bufio.NewReader(out)}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // where the test has failed before its end
	return c
}

// end has the child stop and tell what it did.
func (c *child) end(t *testing.T) result {
	t.Helper()
	if err := c.stop.Close(); err != nil {
		t.Error(err)
	}
	var done result
	if err := json.NewDecoder(c.lines).Decode(&done); err != nil {
		t.Errorf("the attacker's result: %v", err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the attacker: %v", err)
	}
	return done
}

// attackAsChild attacks until the parent closes its end of stdin, also by its own.
func attackAsChild(order string) error {
	if os.Getenv(politeKey) == "" {
		return beginPolite()
	}
	name, address, _ := strings.Cut(order, ";")
	a, err := attackNamed(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is what is waited for
		cancel()
	}()
	attacker := newAttacker(ctx, address, a.near)
	a.run(attacker)
	<-ctx.Done()
	attacker.wait()
	return json.NewEncoder(os.Stdout).Encode(attacker.result())
}

// beginPolite starts this program anew at the lowest priority: Linux has one for each
// thread, and only an exec leaves a single one.
func beginPolite() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, lowest); err != nil {
		return fmt.Errorf("lowering the priority: %w", err)
	}
	return syscall.Exec(self, os.Args, append(os.Environ(), politeKey+"=1"))
}
