package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command prepares a program that an interrupt ends with its children, and that
// does not hear of the terminal's Ctrl-C itself: its parent decides.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// withEnd adds why a program was ended: it says "signal: terminated" alone.
func withEnd(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// pipe has one program read what another writes. Whichever fails, both end.
func pipe(from, to *exec.Cmd) error {
	stdout, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	if err := from.Start(); err != nil {
		return err
	}
	to.Stdin = stdout
	err = quietly(to)
	// Nobody reads on, so that the first one does not wait for it.
	closed := stdout.Close()
	if written := from.Wait(); err == nil && written != nil {
		err = fmt.Errorf("%s: %w", strings.Join(from.Args, " "), errors.Join(written, closed))
	}
	return err
}

// output runs a program and returns what it writes to standard output, without
// the last line's end. The error holds the end of what it says.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, tail(stdout.String()+stderr.String()))
	}
	return strings.TrimRight(stdout.String(), "\n"), nil
}

// quietly runs a program of which only the end of a failure is shown.
func quietly(cmd *exec.Cmd) error {
	_, err := output(cmd)
	return err
}

// endOf is the end of a log.
func endOf(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return tail(string(content))
}

const tailLines = 30

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// writeFile writes a file and the folders that it is in.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, mode)
}
