package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dicer-dev/dicer/hack/load/drive"
	"github.com/dicer-dev/dicer/hack/load/report"
)

// flatGrowth is how much the resident memory may grow, as a part of itself, and
// still count as flat: a garbage collector's heap is never the same twice.
const flatGrowth = 0.1

// soakResult is the document that -o json writes.
type soakResult struct {
	BinaryBytes int64       `json:"binary_bytes"`
	Images      []imageSize `json:"images,omitempty"`
	Start       startResult `json:"start"`
	// Memory is empty where the system does not tell it.
	Memory []memoryAt `json:"memory,omitempty"`
	// Growth compares resident memory after all reviews with that after a quarter.
	Growth *growth `json:"growth,omitempty"`
	// Peak is the most memory, with large SSPs being reviewed at a time.
	Peak *peakResult `json:"peak,omitempty"`
}

type imageSize struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// startResult has times from the process's start on.
type startResult struct {
	Times       int           `json:"times"`
	Ready       report.Figure `json:"ready_seconds"`
	FirstReview report.Figure `json:"first_review_seconds"`
}

type memoryAt struct {
	Reviews       int   `json:"reviews"`
	ResidentBytes int64 `json:"resident_bytes"`
	FileBytes     int64 `json:"file_bytes"`
	PeakBytes     int64 `json:"peak_bytes"`
}

type growth struct {
	Ratio float64 `json:"ratio"`
	Flat  bool    `json:"flat"`
}

type peakResult struct {
	Callers       int   `json:"callers"`
	ReviewBytes   int   `json:"review_bytes"`
	ResidentBytes int64 `json:"resident_bytes"`
	PeakBytes     int64 `json:"peak_bytes"`
	Reviews       int   `json:"reviews"`
	// Refused are those of Reviews that were answered by a 503.
	Refused int `json:"refused"`
}

// note notes the memory after a number of reviews.
func (s *soak) note(w *webhook, sent int) error {
	memory, err := w.Memory()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	r := &s.result
	r.Memory = append(r.Memory, memoryAt{sent, memory.Resident, memory.File, memory.Peak})
	if sent == s.options.Reviews {
		for _, at := range r.Memory {
			if at.Reviews == quarter(sent) {
				ratio := float64(memory.Resident) / float64(at.ResidentBytes)
				r.Growth = &growth{Ratio: ratio, Flat: ratio <= 1+flatGrowth}
			}
		}
	}
	return nil
}

// notePeak notes the most memory that was needed.
func (s *soak) notePeak(w *webhook, m drive.Measurement) error {
	memory, err := w.Memory()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	s.result.Peak = &peakResult{Callers: s.options.SSPs, ReviewBytes: s.ssp.Size(), ResidentBytes: memory.Resident, PeakBytes: memory.Peak, Reviews: m.Reviews, Refused: m.Refused}
	return err
}

func (r *soakResult) writeText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "SIZE\t\nbinary\t%s\n", megabytes(r.BinaryBytes))
	for _, image := range r.Images {
		fmt.Fprintf(w, "%s\t%s\n", image.Name, megabytes(image.Bytes))
	}
	fmt.Fprintf(w, "\nSTART (%d times)\tMEDIAN\tLEAST\tGREATEST\n", r.Start.Times)
	fmt.Fprintln(w, startLine("until ready", r.Start.Ready))
	fmt.Fprintln(w, startLine("until the first answer", r.Start.FirstReview))
	if len(r.Memory) == 0 {
		fmt.Fprintln(w, "\nThis system does not tell a process's memory.")
		return w.Flush()
	}
	fmt.Fprintf(w, "\nREVIEWS of %d KB\tRESIDENT\tOF FILES\tPEAK\n", soakBody/1000)
	for _, at := range r.Memory {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", at.Reviews, mebibytes(at.ResidentBytes), mebibytes(at.FileBytes), mebibytes(at.PeakBytes))
	}
	fmt.Fprintf(w, "%d SSPs of %.1f MB at a time\t%s\t\t%s\n", r.Peak.Callers, float64(r.Peak.ReviewBytes)/1e6, mebibytes(r.Peak.ResidentBytes), mebibytes(r.Peak.PeakBytes))
	fmt.Fprintf(w, "  of %d of these %d had to be refused (503)\n", r.Peak.Reviews, r.Peak.Refused)
	if r.Growth != nil {
		word := "not flat"
		if r.Growth.Flat {
			word = "flat"
		}
		fmt.Fprintf(w, "\n%s: after all reviews %.2f times what was resident after a quarter of them\n", word, r.Growth.Ratio)
	}
	return w.Flush()
}

func startLine(name string, f report.Figure) string {
	return fmt.Sprintf("%s\t%s\t%s\t%s", name, report.Seconds(f.Median), report.Seconds(f.Min), report.Seconds(f.Max))
}

func megabytes(size int64) string { return fmt.Sprintf("%.1f MB", float64(size)/1e6) }

func mebibytes(size int64) string { return fmt.Sprintf("%.1f MiB", float64(size)/(1<<20)) }
