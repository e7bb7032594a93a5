package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// goCommand runs go in dir, free of what the caller's environment may say about
// other modules: a GOWORK, or -mod, -modfile, -race and the like in GOFLAGS,
// would break the build or make it another one than the stamp says. GOFLAGS is
// set to something, because an empty one falls back to the `go env -w` file.
func goCommand(ctx context.Context, dir string, cgo bool, args ...string) *exec.Cmd {
	cgoEnabled := "0"
	if cgo {
		cgoEnabled = "1"
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"PWD="+dir,
		"GOFLAGS=-buildvcs=false",
		"GOWORK=off",
		"CGO_ENABLED="+cgoEnabled,
		"GOOS="+runtime.GOOS,
		"GOARCH="+runtime.GOARCH,
	)
	return cmd
}

// runGroup runs cmd as a process group of its own and, when cmd's context ends,
// interrupts go together with its compilers and linkers: go alone would wait
// for them. What has not gone after the grace period is killed.
func runGroup(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	if err != nil {
		// Usually nobody is left, and the error says so.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return err
}

// Lock waits until this process alone holds path, or ctx ends; waiting is called
// once if another one has it. The file stays: removing it would let two
// processes hold different files of the same name. The kernel releases the lock
// of a process that is killed.
func Lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if !told {
			waiting()
		}
		// A blocking flock could not be interrupted by Ctrl-C.
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}
