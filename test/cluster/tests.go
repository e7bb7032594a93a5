package cluster

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

// testsStopTimeout bounds what another package's tests need to clean up.
const testsStopTimeout = 30 * time.Second

// TestPackage builds the tests of a folder of the repository into dir and runs them,
// apart from this process: with these variables, as key=value, beside its
// environment, and these flags of the test binary. Once ctx is over they are asked
// to end.
func TestPackage(ctx context.Context, folder, dir string, env []string, output io.Writer, flags ...string) error {
	binary, err := build(ctx, dir, path.Base(folder)+".test", "test", "-c", "./"+folder)
	if err != nil {
		return err
	}
	root, err := repositoryRoot()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, flags...)
	cmd.Dir = filepath.Join(root, folder)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	// Their group: a build that they have begun is not told by them.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = testsStopTimeout
	return cmd.Run()
}
