package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/dicer-dev/dicer/hack/load/process"
)

// machine is how processors are divided: servers share one part, one of them
// being at work at a time, and the load generator has the rest.
type machine struct {
	// servers and generator are processors; both are empty where nothing is pinned.
	servers, generator []int
	// serverProcs and generatorProcs are GOMAXPROCS.
	serverProcs, generatorProcs int
}

func newMachine() (machine, error) {
	n := runtime.NumCPU()
	m := machine{serverProcs: max(1, n/2)}
	m.generatorProcs = max(1, n-m.serverProcs)
	cpus, err := process.CPUs()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return m, nil
	case err != nil:
		return m, err
	case len(cpus) > 1:
		m.generator, m.servers = cpus[:m.generatorProcs], cpus[m.generatorProcs:]
	}
	return m, nil
}

// occupy gives this process the load generator's part until undo.
func (m machine) occupy() (undo func() error, err error) {
	before := runtime.GOMAXPROCS(m.generatorProcs)
	release := func() error { return nil }
	if len(m.generator) > 0 {
		if release, err = process.Pin(m.generator); err != nil {
			return nil, err
		}
	}
	return func() error {
		runtime.GOMAXPROCS(before)
		return release()
	}, nil
}

func (m machine) String() string {
	pinned := "not pinned"
	if len(m.servers) > 0 {
		pinned = fmt.Sprintf("pinned: each server to CPUs %v, the load generator to CPUs %v", m.servers, m.generator)
	}
	return fmt.Sprintf("GOMAXPROCS %d for each server, %d for the load generator; %s", m.serverProcs, m.generatorProcs, pinned)
}
