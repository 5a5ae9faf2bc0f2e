package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// tuneReport is what bench --tune prints.
type tuneReport struct {
	Machine  machine.Machine `json:"machine"`
	Limits   machine.Limits  `json:"limits"`
	CPU      string          `json:"cpu"` // the implementation
	Threads  int             `json:"threads"`
	Bytes    int64           `json:"matrix_bytes"` // of each matrix, about: more than the caches hold
	Used     kernel.Tuning   `json:"used"`         // without being told
	Measured string          `json:"measured,omitempty"`
	Types    []string        `json:"types"`
	Ways     []tunedWay      `json:"ways"`
	Best     int             `json:"best"` // of the ways, by the mean over the types
}

// tunedWay is how fast one way of reading is.
type tunedWay struct {
	kernel.Tuning
	Rates []benchRate `json:"gbps"` // by type
	Mean  float64     `json:"mean"` // beside the way that is used: geometric, over the types
}

// tuneTypes are the types that ways of reading are measured with: all layouts that people run.
var tuneTypes = []tensor.DType{tensor.Q4_0, tensor.Q8_0, tensor.Q3_K, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K, tensor.IQ4_XS}

// Sizes of the matrices: several times the caches, but for machines whose caches are so large
// that this would take too long.
const (
	tuneCols   = 2048
	leastTuned = 64 << 20
	mostTuned  = 1 << 30
)

// alone refuses flags that say how a model is measured beside --tune.
func (f *benchFlags) alone(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "tune", "threads", "cpu", "repeat", "json":
		default:
			if cmd.LocalNonPersistentFlags().Lookup(flag.Name) != nil {
				err = errors.Join(err, fault.Misuse(fmt.Errorf("bench: --%s with --tune, which measures no model", flag.Name)))
			}
		}
	})
	return err
}

// tune measures how fast one vector is multiplied in each way there is.
func (f *benchFlags) tune(ctx context.Context, w io.Writer) error {
	r := tuneReport{Machine: machine.Describe(), CPU: kernel.Current().String(), Threads: f.processors()}
	var err error
	if r.Limits, err = machine.Measure(ctx, machine.Options{Impl: kernel.Current(), Threads: f.threads.v}); err != nil {
		return err
	}
	r.Used, r.Measured = kernel.CurrentTuning()
	defer kernel.UseTuning(r.Used)
	r.Bytes = min(max(3*r.Machine.LastCache(), leastTuned), mostTuned)
	if free := r.Machine.MemoryAvailable; free > 0 {
		r.Bytes = max(min(r.Bytes, free/4), 1<<20)
	}
	for _, t := range kernel.Tunings() {
		r.Ways = append(r.Ways, tunedWay{Tuning: t})
	}
	workers := kernel.NewWorkers(r.Threads)
	defer workers.Close()
	for _, t := range tuneTypes {
		r.Types = append(r.Types, t.String())
		if err := r.measure(ctx, workers, t, f.repeat.v); err != nil {
			return err
		}
	}
	r.compare()
	if f.asJSON {
		return writeJSON(w, r)
	}
	return r.write(w)
}

// measure measures all ways with matrices of one type, in turns.
func (r *tuneReport) measure(ctx context.Context, workers *kernel.Workers, t tensor.DType, repeat int) error {
	rows := int(r.Bytes) / t.RowBytes(tuneCols) / kernel.RowBlock * kernel.RowBlock
	p, memory, err := newTuneProduct(t, rows)
	if err != nil {
		return err
	}
	defer memory.Free()
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	rates := make([][]float64, len(r.Ways))
	for turn := range repeat + 1 {
		for i := range r.Ways {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			kernel.UseTuning(r.Ways[i].Tuning)
			if took := p.time(workers); turn > 0 { // the first one brings the threads back
				rates[i] = append(rates[i], float64(p.matrix.Bytes())/1e9/took.Seconds())
			}
		}
	}
	for i := range r.Ways {
		r.Ways[i].Rates = append(r.Ways[i].Rates, rateOf(rates[i]))
	}
	return nil
}

// compare finds the best way.
func (r *tuneReport) compare() {
	var used *tunedWay
	for i := range r.Ways {
		if r.Ways[i].Tuning == r.Used {
			used = &r.Ways[i]
		}
	}
	for i := range r.Ways {
		sum := 0.0
		for k, rate := range r.Ways[i].Rates {
			sum += math.Log(rate.Median / used.Rates[k].Median)
		}
		r.Ways[i].Mean = math.Exp(sum / float64(len(r.Types)))
		if r.Ways[i].Mean > r.Ways[r.Best].Mean {
			r.Best = i
		}
	}
}

// write prints the report for people.
func (r *tuneReport) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d threads, %s\n", printable(r.Machine.CPU), r.Threads, r.CPU)
	fmt.Fprintf(w, "one vector times matrices of %d MB, GB/s; reading alone %.1f\n", r.Bytes/1e6, r.Limits.ReadGBps)
	if r.Limits.Undisturbed > 0 && r.Limits.Undisturbed < 0.9 {
		fmt.Fprintf(w, "other programs took %.0f %% of the processors meanwhile: the figures are too low\n", 100*(1-r.Limits.Undisturbed))
	}
	rows := [][]string{append(append([]string{"read by"}, r.Types...), "mean", "")}
	for i, x := range r.Ways {
		row := []string{x.String()}
		for _, rate := range x.Rates {
			row = append(row, fmt.Sprintf("%.1f", rate.Median))
		}
		note := ""
		switch {
		case x.Tuning == r.Used && i == r.Best:
			note = "used, fastest"
		case x.Tuning == r.Used:
			note = "used"
		case i == r.Best:
			note = "fastest"
		}
		rows = append(rows, append(row, fmt.Sprintf("%.2f ×", x.Mean), note))
	}
	if err := writeTable(w, rows...); err != nil {
		return err
	}
	from := "nothing was measured on processors of this family: it is the default"
	if r.Measured != "" {
		from = "measured on " + r.Measured
	}
	_, err := fmt.Fprintf(w, "what is used: %s\n", from)
	return err
}

// tuneProduct is the product of a matrix with one vector, a run of row blocks an item.
type tuneProduct struct {
	y      []float32
	vector kernel.Q8
	matrix kernel.Matrix
	run    int
	took   atomic.Int64 // nanoseconds of processors
}

// newTuneProduct makes a matrix of random weights in memory as models have it.
func newTuneProduct(t tensor.DType, rows int) (*tuneProduct, tensor.Memory, error) {
	const run = 512 << 10 // bytes of an item, as in decoding
	random := rand.New(rand.NewPCG(1, 2))
	some := make([]byte, t.RowBytes(tuneCols)*kernel.RowBlock)
	for i := range some {
		some[i] = byte(random.Uint32()) &^ 0x40 // no scale is an infinity or a NaN
	}
	block, err := weights.FromBlocks(t, kernel.RowBlock, tuneCols, some)
	if err != nil {
		return nil, tensor.Memory{}, err
	}
	p := &tuneProduct{matrix: block, y: make([]float32, rows), run: max(1, run/block.BlockBytes())}
	p.matrix.Rows = rows
	memory, err := tensor.Allocate(p.matrix.Bytes())
	if err != nil {
		return nil, memory, err
	}
	p.matrix.Data = memory.Bytes()
	for at := 0; at < len(p.matrix.Data); at += len(block.Data) {
		copy(p.matrix.Data[at:], block.Data)
	}
	x := make([]float32, tuneCols)
	for i := range x {
		x[i] = random.Float32() - 0.5
	}
	p.vector.Reset(1, tuneCols)
	p.vector.Quantise(0, x)
	return p, memory, nil
}

func (p *tuneProduct) items() int { return (p.matrix.Blocks() + p.run - 1) / p.run }

// time returns how long a product takes where its threads have all of their processors:
// what other programs take of them does not count, as far as the system tells.
func (p *tuneProduct) time(workers *kernel.Workers) time.Duration {
	p.took.Store(0)
	began := time.Now()
	workers.Run(p, p.items())
	if took := p.took.Load(); took > 0 {
		return time.Duration(took) / time.Duration(workers.Threads())
	}
	return time.Since(began)
}

// Do does one item.
func (p *tuneProduct) Do(item int, t *kernel.Thread) {
	began, _ := machine.ThreadTime()
	b0 := item * p.run
	kernel.Product(p.y, p.matrix.Rows, &p.vector, &p.matrix, b0, min(b0+p.run, p.matrix.Blocks()), &t.Scratch)
	ended, _ := machine.ThreadTime()
	p.took.Add(int64(ended - began))
}
