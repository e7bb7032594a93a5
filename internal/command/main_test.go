package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// asCommand makes the test binary a command.
const asCommand = "RUN_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		Main(New(&cobra.Command{Use: "test"}, &settings{}, runUntilDone))
	}
	os.Exit(m.Run())
}

func runUntilDone(ctx context.Context, s *settings) error {
	if s.Port == 1 {
		return errors.New("port 1 is taken")
	}
	if s.Port == 2 {
		return fmt.Errorf("port 2: %w", ErrFindings)
	}
	fmt.Println("started")
	<-ctx.Done()
	fmt.Println("stopping")
	if s.Linger {
		time.Sleep(time.Minute)
	}
	return nil
}

func TestTheExitCodeTellsUsageAndFailuresFromANormalEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		arg, stderr string
		code        int
	}{
		"help":                {arg: "--help", code: 0},
		"an unknown flag":     {arg: "--prot=1", code: 2, stderr: "test: unknown flag: --prot\n"},
		"options do not fit":  {arg: "--port=0", code: 2, stderr: "test: no port\n"},
		"what it does failed": {arg: "--port=1", code: 2, stderr: "test: port 1 is taken\n"},
		"there are findings":  {arg: "--port=2", code: 1},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := testCommand(t, tc.arg)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			err := cmd.Run()
			if cmd.ProcessState.ExitCode() != tc.code || stderr.String() != tc.stderr {
				t.Errorf("%v, stderr %q; want %d, %q", err, stderr.String(), tc.code, tc.stderr)
			}
		})
	}
}

func TestASignalEndsTheContext(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		r := start(t)
		r.signal(t, sig)
		r.expect(t, "stopping")
		if err := r.Wait(); err != nil {
			t.Errorf("%s: %v; want exit code 0", sig, err)
		}
	}
}

func TestASecondSignalEndsTheProcess(t *testing.T) {
	r := start(t, "--linger")
	r.signal(t, syscall.SIGTERM)
	r.expect(t, "stopping")
	done := make(chan error, 1)
	go func() { done <- r.Wait() }()
	var err error
	for ended := false; !ended; {
		// The first handler is gone a moment after "stopping".
		r.signal(t, syscall.SIGTERM)
		select {
		case err = <-done:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	if status := r.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("%v; want an end by the signal", err)
	}
}

// running is a command that has started.
type running struct {
	*exec.Cmd
	stdout *bufio.Reader
}

func testCommand(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	cmd := testCommand(t, args...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{cmd, bufio.NewReader(stdout)}
	r.expect(t, "started")
	return r
}

func (r *running) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := r.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

func (r *running) expect(t *testing.T, line string) {
	t.Helper()
	if got, err := r.stdout.ReadString('\n'); got != line+"\n" || (err != nil && err != io.EOF) {
		t.Fatalf("it printed %q, %v; want %s", got, err, line)
	}
}
