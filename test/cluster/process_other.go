//go:build unix && !linux

package cluster

import "syscall"

// childAttributes puts a child into a process group of its own, so that a
// terminal's Ctrl-C reaches only the parent, which stops its children in
// order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
