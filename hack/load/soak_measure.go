package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/dicer-dev/dicer/hack/load/contestant"
	"github.com/dicer-dev/dicer/hack/load/drive"
	"github.com/dicer-dev/dicer/hack/load/process"
	"github.com/dicer-dev/dicer/hack/load/report"
	"github.com/dicer-dev/dicer/hack/load/review"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/test/cluster"
)

// webhook is a running server and how long its start took.
type webhook struct {
	*process.Process
	port               int
	ready, firstReview time.Duration
}

// start starts a server, and stops it where its start fails.
func (s *soak) start(ctx context.Context) (*webhook, error) {
	ports, err := cluster.FreePorts(3)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	p, err := process.Start(process.Options{
		Name: dicer, Binary: s.options.Webhook, Args: webhookArgs(ports, s.certs), Log: filepath.Join(s.work, "log"),
	})
	if err != nil {
		return nil, err
	}
	w := &webhook{Process: p, port: ports[0]}
	err = p.Until(ctx, startInterval, startTimeout, func(ctx context.Context) error {
		return probe(ctx, "http://127.0.0.1:"+strconv.Itoa(ports[1])+"/readyz")
	})
	w.ready = time.Since(started)
	if err == nil {
		answers := review.NewAnswers(s.dic, contracts[dicer])
		err = drive.Ask(ctx, s.certs.target(w.port, contestant.Path), s.dic, answers)
		w.firstReview = time.Since(started)
		err = errors.Join(err, answers.Verify())
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return w, nil
}

func probe(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func (s *soak) measureStarts(ctx context.Context, told *progress) error {
	var ready, firstReview []float64
	for i := range s.options.Starts {
		told.step(fmt.Sprintf("start %d", i+1))
		w, err := s.start(ctx)
		if err != nil {
			return err
		}
		w.Stop()
		ready = append(ready, w.ready.Seconds())
		firstReview = append(firstReview, w.firstReview.Seconds())
	}
	s.result.Start = startResult{Times: s.options.Starts, Ready: report.NewFigure(ready), FirstReview: report.NewFigure(firstReview)}
	return nil
}

func (s *soak) measureMemory(ctx context.Context, told *progress) error {
	w, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer w.Stop()
	if err := s.note(w, 0); err != nil {
		return err
	}
	answers := review.NewAnswers(s.dic, contracts[dicer])
	sent := 0
	for _, next := range checkpoints(s.options.Reviews) {
		told.step(fmt.Sprintf("%d of %d reviews sent", sent, s.options.Reviews))
		load := drive.Load{Connection: drive.HTTP1, Callers: soakCallers, Review: s.dic, Count: next - sent}
		if _, err := s.send(ctx, w, contestant.Path, load, answers); err != nil {
			return err
		}
		sent = next
		if remarkable(sent, s.options.Reviews) {
			if err := s.note(w, sent); err != nil {
				return err
			}
		}
	}
	told.step(fmt.Sprintf("%d SSP reviews at a time", s.options.SSPs))
	load := drive.Load{Connection: drive.HTTP1, Callers: s.options.SSPs, Review: s.ssp, Count: sspTimes * s.options.SSPs, MayBeRefused: true}
	measured, err := s.send(ctx, w, admission.SSPPath, load, review.NewAnswers(s.ssp, review.Contract{}))
	if err != nil {
		return err
	}
	return s.notePeak(w, measured)
}

func (s *soak) send(ctx context.Context, w *webhook, path string, load drive.Load, answers *review.Answers) (drive.Measurement, error) {
	none := func() (time.Duration, error) { return 0, nil }
	measured, err := drive.Run(ctx, s.certs.target(w.port, path), load, answers, none)
	if err != nil {
		return measured, err
	}
	if err := answers.Verify(); err != nil {
		return measured, fmt.Errorf("wrong answer of %s: %w", dicer, err)
	}
	return measured, nil
}

// checkpoints are the numbers of reviews at which sending stops for a moment:
// progress is told at each.
func checkpoints(reviews int) []int {
	const parts = 100
	var list []int
	for part := range parts {
		list = append(list, reviews*(part+1)/parts)
	}
	list = append(list, quarter(reviews))
	for power := 1000; power < reviews; power *= 10 {
		list = append(list, power)
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(n int) bool { return n == 0 })
}

// remarkable are those after which memory is told: 1,000, 10,000 and so on, a
// quarter, and all.
func remarkable(sent, reviews int) bool {
	for power := 1000; power < reviews; power *= 10 {
		if sent == power {
			return true
		}
	}
	return sent == quarter(reviews) || sent == reviews
}

func quarter(reviews int) int { return reviews / 4 }
