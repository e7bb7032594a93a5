package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/dicer-dev/dicer/hack/load/drive"
	"github.com/dicer-dev/dicer/hack/load/report"
	"github.com/dicer-dev/dicer/hack/load/review"
)

// Metrics of a sample.
const (
	throughput = "throughput_per_second"
	p50        = "latency_p50_seconds"
	p99        = "latency_p99_seconds"
	cpu        = "server_cpu_per_review_seconds"
	busy       = "server_cpu_utilization_ratio"
)

func serverLayout(names []string) report.Layout {
	return report.Layout{
		Title:       "Webhook servers, the same reviews of an incomplete DataImportCron sent to each in turn",
		Dimensions:  []string{"connection", "callers", "body"},
		Contestants: names,
		Subject:     dicer,
		Metrics: []report.Metric{
			{Name: throughput, Title: "reviews/s", Format: report.PerSecond, Plotted: true},
			{Name: p50, Title: "p50", Format: report.Seconds},
			{Name: p99, Title: "p99", Format: report.Seconds, Plotted: true},
			{Name: cpu, Title: "CPU/review", Format: report.Seconds},
			{Name: busy, Title: "busy", Format: report.Percent, Alone: true},
		},
	}
}

// runServer compares the servers, one at work at a time.
func runServer(ctx context.Context, args []string, out *output) (err error) {
	o, err := newServerOptions(args, out)
	if err != nil {
		return err
	}
	m, err := newMachine()
	if err != nil {
		return err
	}
	undo, err := m.occupy()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, undo()) }()
	// The generator's share of the time is to be small.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	c := &comparison{options: o, machine: m, answers: map[string]*review.Answers{}}
	work, err := os.MkdirTemp("", "dicer-load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	defer c.stop()
	if err := c.start(ctx, work); err != nil {
		return err
	}
	samples, err := c.measure(ctx, out)
	if err != nil {
		return err
	}
	return c.write(samples, out)
}

// comparison is one run.
type comparison struct {
	options *serverOptions
	machine machine
	servers []*server
	reviews []*review.Review
	// answers are by server and body.
	answers map[string]*review.Answers
}

func (c *comparison) start(ctx context.Context, work string) error {
	certs, err := newCertificates(filepath.Join(work, "tls"))
	if err != nil {
		return err
	}
	for _, kilobytes := range c.options.Bodies {
		r, err := review.DataImportCron(kilobytes * 1000)
		if err != nil {
			return err
		}
		c.reviews = append(c.reviews, r)
	}
	for _, name := range c.options.Contestants {
		s, err := startServer(ctx, name, c.options.Webhook, c.machine, certs, work, c.reviews[0])
		if err != nil {
			return err
		}
		c.servers = append(c.servers, s)
		for i, r := range c.reviews {
			c.answers[key(name, i)] = review.NewAnswers(r, contracts[name])
		}
	}
	return nil
}

func key(name string, body int) string { return name + " " + strconv.Itoa(body) }

func (c *comparison) stop() {
	for _, s := range c.servers {
		s.Stop()
	}
}

// cell is one load.
type cell struct {
	connection string
	callers    int
	// body is an index.
	body int
}

func (c *comparison) cells() []cell {
	var cells []cell
	for _, connection := range c.options.Connections {
		for _, callers := range c.options.Callers {
			for body := range c.reviews {
				cells = append(cells, cell{connection, callers, body})
			}
		}
	}
	return cells
}

// measure has the servers at work one after the other with each load, in the
// opposite order in every other round: what one leaves behind, a warm processor
// say, is not always the same one's luck.
func (c *comparison) measure(ctx context.Context, out *output) ([]report.Sample, error) {
	cells := c.cells()
	told := newProgress(out, c.options.Rounds*len(cells)*len(c.servers), c.options.Duration*3/2)
	defer told.end()
	order := slices.Clone(c.servers)
	var samples []report.Sample
	for round := range c.options.Rounds {
		for _, load := range cells {
			for _, s := range order {
				told.step(fmt.Sprintf("%s, %d callers, %d KB: %s", load.connection, load.callers, c.options.Bodies[load.body], s.name))
				values, err := c.one(ctx, s, load)
				if err != nil {
					return nil, fmt.Errorf("%s (%s, %d callers, %d KB): %w", s.name, load.connection, load.callers, c.options.Bodies[load.body], err)
				}
				samples = append(samples, report.Sample{
					Round: round, Contestant: s.name, Values: values,
					Cell: report.Cell{load.connection, strconv.Itoa(load.callers), strconv.Itoa(c.options.Bodies[load.body]) + " KB"},
				})
			}
		}
		slices.Reverse(order)
	}
	return samples, nil
}

// one measures one server with one load.
func (c *comparison) one(ctx context.Context, s *server, load cell) (map[string]float64, error) {
	answers := c.answers[key(s.name, load.body)]
	measured, err := drive.Run(ctx, s.target, drive.Load{
		Connection: drive.Connection(load.connection), Callers: load.callers,
		Review: c.reviews[load.body], Duration: c.options.Duration,
	}, answers, s.meter)
	if err != nil {
		return nil, err
	}
	if err := answers.Verify(); err != nil {
		return nil, fmt.Errorf("wrong answer: %w", err)
	}
	values := map[string]float64{
		throughput: float64(measured.Reviews) / measured.Elapsed.Seconds(),
		p50:        measured.P50.Seconds(),
		p99:        measured.P99.Seconds(),
	}
	if measured.CPU > 0 {
		values[cpu] = measured.CPU.Seconds() / float64(measured.Reviews)
		values[busy] = measured.CPU.Seconds() / measured.Elapsed.Seconds() / float64(c.machine.serverProcs)
	}
	return values, nil
}

// meter is the processor time used so far; none, where the system does not tell.
func (s *server) meter() (time.Duration, error) {
	used, err := s.CPUTime()
	if errors.Is(err, errors.ErrUnsupported) {
		return 0, nil
	}
	return used, err
}

func (c *comparison) write(samples []report.Sample, out *output) error {
	result, err := report.Summarize(serverLayout(c.options.Contestants), samples)
	if err != nil {
		return err
	}
	result.Conditions = map[string]string{
		"go":         runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		"processors": c.machine.String(),
		"duration":   c.options.Duration.String() + " for each figure of a round",
		"busy":       "the server's part of the time; what is well below 100 % waited for the load generator, or for its callers",
	}
	return c.options.write(result, c.options.Plot, out)
}

// write writes a result in the format that is asked for, and a plot of it.
func (c *common) write(result *report.Result, plot string, out *output) error {
	write := result.WriteText
	if c.Format == formatJSON {
		write = result.WriteJSON
	}
	// The plot last: a wrong path takes no figures away.
	return errors.Join(write(out), writePlot(plot, result))
}

// writePlot writes a file that is named.
func writePlot(path string, result *report.Result) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(result.WriteSVG(file), file.Close())
}
