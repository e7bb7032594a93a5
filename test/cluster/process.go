package cluster

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// startTimeout is generous: a cold disk and a busy machine are no failure.
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
	pollInterval = 50 * time.Millisecond
	logTailLines = 20
)

// process is a child with its output in a file.
type process struct {
	cmd     *exec.Cmd
	logPath string
	exited  chan struct{}
	// exitErr is set once exited is closed.
	exitErr error
}

func startProcess(cmd *exec.Cmd, logPath string) (*process, error) {
	name := filepath.Base(cmd.Path)
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", name, err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{cmd: cmd, logPath: logPath, exited: make(chan struct{})}
	go func() {
		p.exitErr = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) name() string {
	return filepath.Base(p.cmd.Path)
}

// untilReady waits until url answers 200. It fails as soon as the process
// exits, with the end of its log.
func (p *process) untilReady(ctx context.Context, client *http.Client, url string) error {
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.exited:
			cancel(fmt.Errorf("it exited: %v", p.exitErr))
		case <-starting.Done():
		}
	}()
	err := Eventually(starting, startTimeout, func(ctx context.Context) error {
		_, err := get(ctx, client, url)
		return err
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for %s: %w", p.name(), context.Cause(ctx))
	default:
		return fmt.Errorf("waiting for %s: %w; its log ends with:\n%s", p.name(), err, p.logTail())
	}
}

// stop asks the process to exit and insists when ctx is over. It returns how
// the process exited.
func (p *process) stop(ctx context.Context) error {
	// It fails only where the process has exited already.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.exitErr
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("stopping %s: %w, killed it", p.name(), context.Cause(ctx))
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) logTail() string {
	log, err := os.ReadFile(p.logPath)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-logTailLines):], "\n")
}

// Eventually calls check until it succeeds. After the timeout it returns what
// check returned last; when ctx is over, the reason of that.
func Eventually(ctx context.Context, timeout time.Duration, check func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last error
	for {
		err := check(bounded)
		if err == nil {
			return nil
		}
		// A check that the timeout cuts off says less than the one before.
		if bounded.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-bounded.Done():
			return fmt.Errorf("gave up after %s: %w", timeout, last)
		case <-time.After(pollInterval):
		}
	}
}

// get returns the body of a 200 answer.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return body, nil
}

// goCommand returns a go command that is interrupted when ctx is over. It
// leaves its temporary files then: in tmp, which the caller removes.
func goCommand(ctx context.Context, dir, tmp string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTMPDIR="+tmp)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTimeout
	return cmd
}

// Ports that programs listen on are below those that systems give to outgoing
// connections, one of which could take a port before its program does.
const (
	lowestPort  = 10000
	highestPort = 29999
)

// FreePorts returns loopback ports that nothing listened on a moment ago.
func FreePorts(n int) ([]int, error) {
	var ports []int
	var last error
	for tries := 0; len(ports) < n; tries++ {
		if tries > 100*n {
			return nil, fmt.Errorf("choosing a free port: %w", last)
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		// Held until all are chosen, so that they differ.
		defer listener.Close()
		ports = append(ports, port)
	}
	return ports, nil
}
