package cluster

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// setUpTimeout bounds what a package's tests need before the first of them.
const setUpTimeout = 5 * time.Minute

// RunTests sets up, runs a package's tests and cleans up, at Ctrl-C too. cleanUp
// is called once, whatever setUp has come to; run returns an exit code.
func RunTests(setUp func(context.Context) error, run func() int, cleanUp func() error) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
	defer cancel()
	cleanUp = sync.OnceValue(cleanUp)
	defer func() { err = errors.Join(err, cleanUp()) }()
	// A test that runs at Ctrl-C cannot be told to end; the set-up can.
	var settingUp sync.Mutex
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-interrupted
		cancel()
		settingUp.Lock()
		_ = cleanUp()
		os.Exit(130)
	}()
	settingUp.Lock()
	err = setUp(ctx)
	settingUp.Unlock()
	if err != nil {
		return 1, err
	}
	return run(), nil
}
