package process

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes puts a child into a process group of its own, so that a terminal's
// Ctrl-C reaches only the parent, which stops its children in order. Should the
// parent be killed, the kernel kills the child.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// CPUs are those that this process may use.
func CPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("reading the processors: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * strconv.IntSize {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

func setOf(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return &set
}

// Pin has this process use these processors alone; what it starts too, unless it
// is told otherwise. undo gives back those that it had.
func Pin(cpus []int) (undo func() error, err error) {
	before, err := CPUs()
	if err != nil {
		return nil, err
	}
	return func() error { return pinThreads(before) }, pinThreads(cpus)
}

// pinThreads pins all threads that there are. Each later one is made by one of
// them, and is pinned as that is.
func pinThreads(cpus []int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		// A thread may have ended meanwhile.
		if err := unix.SchedSetaffinity(id, setOf(cpus)); err != nil && err != unix.ESRCH {
			return fmt.Errorf("pinning to processors %v: %w", cpus, err)
		}
	}
	return nil
}

// startOn starts a child with the processors of this thread, which are changed
// for that long: the child has them from its first moment, and counts them.
func startOn(cpus []int, start func() error) error {
	if len(cpus) == 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := CPUs()
	if err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, setOf(cpus)); err != nil {
		return fmt.Errorf("pinning to processors %v: %w", cpus, err)
	}
	started := start()
	if err := unix.SchedSetaffinity(0, setOf(before)); err != nil {
		return fmt.Errorf("pinning to processors %v: %w", before, err)
	}
	return started
}

// CPUTime is the processor time that the process has used so far.
func (p *Process) CPUTime() (time.Duration, error) {
	// clock_getcpuclockid(3): to the nanosecond, where /proc counts in 10 ms.
	const schedulersClock = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^p.PID()<<3|schedulersClock), &used); err != nil {
		return 0, fmt.Errorf("reading the processor time of %s: %w", p.options.Name, err)
	}
	return time.Duration(used.Nano()), nil
}

// Memory is what the process has of it.
func (p *Process) Memory() (Memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, fmt.Errorf("reading the memory of %s: %w", p.options.Name, err)
	}
	var m Memory
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			m.Resident = kib << 10
		case "RssFile":
			m.File = kib << 10
		case "VmHWM":
			m.Peak = kib << 10
		}
	}
	if m.Resident == 0 {
		return m, fmt.Errorf("%s has no memory any more", p.options.Name)
	}
	return m, nil
}
