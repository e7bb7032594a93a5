package process

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, cpus []int, script string) *Process {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	p, err := Start(Options{Name: "shell", Binary: "/bin/sh", Args: []string{"-c", script}, Log: log, CPUs: cpus})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func TestWhatAProcessUses(t *testing.T) {
	p := start(t, nil, "while :; do :; done")
	time.Sleep(100 * time.Millisecond)
	used, err := p.CPUTime()
	if err != nil || used == 0 || used > time.Minute {
		t.Errorf("processor time %s, error %v", used, err)
	}
	memory, err := p.Memory()
	if err != nil || memory.Resident == 0 || memory.Peak < memory.Resident {
		t.Errorf("memory %+v, error %v", memory, err)
	}
}

func TestAProcessHasItsProcessorsAndThisOneKeepsItsOwn(t *testing.T) {
	before, err := CPUs()
	if err != nil {
		t.Fatal(err)
	}
	last := before[len(before)-1:]
	p := start(t, last, "grep Cpus_allowed_list /proc/self/status; exit 3")
	err = p.Until(t.Context(), time.Millisecond, 10*time.Second, func(context.Context) error { return errors.New("never") })
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Fatalf("error %v; want one of an exit", err)
	}
	if want := strings.Fields(p.tail()); len(want) != 2 || strings.Contains(want[1], ",") || strings.Contains(want[1], "-") {
		t.Errorf("%q; want processor %d alone", want, last)
	}
	undo, err := Pin(last)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := CPUs(); err != nil || !slices.Equal(got, last) {
		t.Errorf("pinned to %v, error %v; want %v", got, err, last)
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	if got, err := CPUs(); err != nil || !slices.Equal(got, before) {
		t.Errorf("processors %v, error %v; want %v", got, err, before)
	}
}
