package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dicer-dev/dicer/hack/load/contestant"
	"github.com/dicer-dev/dicer/hack/load/drive"
	"github.com/dicer-dev/dicer/hack/load/process"
	"github.com/dicer-dev/dicer/hack/load/review"
	"github.com/dicer-dev/dicer/test/cluster"
)

const (
	// startTimeout is generous: a busy machine is no failure.
	startTimeout = time.Minute
	pollInterval = 10 * time.Millisecond
)

// contracts say what each server's answers have to be.
var contracts = map[string]review.Contract{
	contestant.Bare:  {},
	contestant.Allow: {},
	contestant.Typed: {Patches: true, EmptyFields: true},
	dicer:            {Patches: true},
}

// certificates are what all servers serve with.
type certificates struct {
	dir string
	// leaf is the certificate, in DER.
	leaf []byte
}

func newCertificates(dir string) (certificates, error) {
	made, err := cluster.NewCertificates(dir)
	if err != nil {
		return certificates{}, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(made.Dir, "tls.crt"), filepath.Join(made.Dir, "tls.key"))
	if err != nil {
		return certificates{}, err
	}
	return certificates{dir: made.Dir, leaf: pair.Certificate[0]}, nil
}

// server is a running server.
type server struct {
	*process.Process
	name   string
	target drive.Target
}

// startServer starts one and returns it once it answers a review rightly.
func startServer(ctx context.Context, name string, webhook string, m machine, certs certificates, work string, r *review.Review) (*server, error) {
	ports, err := cluster.FreePorts(3)
	if err != nil {
		return nil, err
	}
	options := process.Options{
		Name: name, CPUs: m.servers,
		Log: filepath.Join(work, name+".log"),
		Env: []string{"GOMAXPROCS=" + strconv.Itoa(m.serverProcs)},
	}
	if name == dicer {
		options.Binary, options.Args = webhook, webhookArgs(ports, certs)
	} else {
		if options.Binary, err = os.Executable(); err != nil {
			return nil, err
		}
		options.Args = []string{"serve", "-name=" + name, "-port=" + strconv.Itoa(ports[0]), "-cert-dir=" + certs.dir}
	}
	p, err := process.Start(options)
	if err != nil {
		return nil, err
	}
	s := &server{Process: p, name: name, target: certs.target(ports[0], contestant.Path)}
	answers := review.NewAnswers(r, contracts[name])
	err = p.Until(ctx, pollInterval, startTimeout, func(ctx context.Context) error { return drive.Ask(ctx, s.target, r, answers) })
	if err == nil {
		if err = answers.Verify(); err != nil {
			err = fmt.Errorf("wrong answer of %s: %w", name, err)
		}
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

// webhookArgs are the flags of the webhook server: its defaults, which are those
// of deploy/, but for its addresses, and for what it waits at its end.
func webhookArgs(ports []int, certs certificates) []string {
	return []string{
		"--port=" + strconv.Itoa(ports[0]),
		"--health-probe-bind-address=127.0.0.1:" + strconv.Itoa(ports[1]),
		"--metrics-bind-address=127.0.0.1:" + strconv.Itoa(ports[2]),
		"--cert-dir=" + certs.dir,
		"--shutdown-delay=0s",
	}
}

// target is a path of the server on a port.
func (c certificates) target(port int, path string) drive.Target {
	return drive.Target{URL: "https://127.0.0.1:" + strconv.Itoa(port) + path, Certificate: c.leaf}
}
