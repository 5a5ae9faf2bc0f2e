package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestTune measures all ways to read small matrices: each has a rate of each type, the one that
// is used is what the others are compared with, and it is used again afterwards.
func TestTune(t *testing.T) {
	r := tuneReport{Bytes: 1 << 19, Threads: 1}
	r.Used, r.Measured = kernel.CurrentTuning()
	defer kernel.UseTuning(r.Used)
	for _, way := range kernel.Tunings() {
		r.Ways = append(r.Ways, tunedWay{Tuning: way})
	}
	workers := kernel.NewWorkers(1)
	defer workers.Close()
	for _, dt := range []tensor.DType{tensor.Q4_K, tensor.Q3_K, tensor.IQ4_XS} {
		r.Types = append(r.Types, dt.String())
		if err := r.measure(t.Context(), workers, dt, 3); err != nil {
			t.Fatal(err)
		}
	}
	r.compare()
	used := 0
	for _, x := range r.Ways {
		if len(x.Rates) != 3 || x.Mean <= 0 || x.Mean > r.Ways[r.Best].Mean {
			t.Errorf("%v: rates %v, mean %v", x.Tuning, x.Rates, x.Mean)
		}
		if x.Tuning == r.Used {
			used++
			if x.Mean != 1 {
				t.Errorf("what is used is %v times as fast as itself", x.Mean)
			}
		}
	}
	var out bytes.Buffer
	if err := r.write(&out); err != nil || used != 1 || strings.Count(out.String(), "used") < 2 || !strings.Contains(out.String(), "IQ4_XS") {
		t.Errorf("%d ways are used, %v:\n%s", used, err, out.String())
	}
	if _, err := command(t, "bench", "--tune", "--profile"); exitCode(err) != 2 {
		t.Errorf("--profile with --tune: %v", err)
	}
	if _, err := command(t, "bench", "--tune", "model.gguf"); exitCode(err) != 2 {
		t.Errorf("a model with --tune: %v", err)
	}
}
