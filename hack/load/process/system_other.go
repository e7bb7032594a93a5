//go:build !linux

package process

import (
	"errors"
	"syscall"
	"time"
)

// attributes puts a child into a process group of its own, so that a terminal's
// Ctrl-C reaches only the parent, which stops its children in order.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// CPUs cannot be told here.
func CPUs() ([]int, error) { return nil, errors.ErrUnsupported }

// Pin cannot be done here.
func Pin([]int) (undo func() error, err error) { return nil, errors.ErrUnsupported }

func startOn(_ []int, start func() error) error { return start() }

// CPUTime cannot be told here.
func (p *Process) CPUTime() (time.Duration, error) { return 0, errors.ErrUnsupported }

// Memory cannot be told here.
func (p *Process) Memory() (Memory, error) { return Memory{}, errors.ErrUnsupported }
