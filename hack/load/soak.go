package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/dicer-dev/dicer/hack/load/review"
)

const (
	soakCallers = 16
	soakBody    = 10_000
	sspBody     = 1_800_000
	sspTimes    = 4
	// startInterval is the error of a start's time.
	startInterval = 2 * time.Millisecond
)

// runSoak measures dicer's server alone, as its image has it.
func runSoak(ctx context.Context, args []string, out *output) (err error) {
	o, err := newSoakOptions(args, out)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "dicer-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s := &soak{options: o, work: work}
	if err := s.prepare(); err != nil {
		return err
	}
	told := newProgress(out, o.Starts+len(checkpoints(o.Reviews))+1, 0)
	defer told.end()
	if err := s.measureStarts(ctx, told); err != nil {
		return err
	}
	if err := s.measureMemory(ctx, told); err != nil {
		return err
	}
	told.end()
	if o.Format == formatJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(s.result)
	}
	return s.result.writeText(out)
}

// soak is one run.
type soak struct {
	options *soakOptions
	work    string
	certs   certificates
	dic     *review.Review
	ssp     *review.Review
	result  soakResult
}

func (s *soak) prepare() (err error) {
	if s.certs, err = newCertificates(filepath.Join(s.work, "tls")); err != nil {
		return err
	}
	if s.dic, err = review.DataImportCron(soakBody); err != nil {
		return err
	}
	if s.ssp, err = review.SSP(sspBody); err != nil {
		return err
	}
	if s.result.BinaryBytes, err = size(s.options.Webhook); err != nil || s.options.Images == "" {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(s.options.Images, "dicer-image-*.tar"))
	if err != nil {
		return err
	}
	for _, path := range archives {
		bytes, err := size(path)
		if err != nil {
			return err
		}
		s.result.Images = append(s.result.Images, imageSize{filepath.Base(path), bytes})
	}
	return nil
}

func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
