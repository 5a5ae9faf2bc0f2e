package machine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Errors of Measure. Too little memory is tensor.ErrNoMemory.
var (
	ErrOption = errors.New("bad option")
	ErrNoPeak = errors.New("this machine or this build has no such loop")
)

// Options say what Measure measures.
type Options struct {
	// Impl is the implementation whose instructions give the peaks. Reading is
	// measured with all loads that the machine has, whichever implementation.
	Impl kernel.Impl
	// Threads is how many threads work, 0 for one on each usable core. More than
	// there are usable processors count as that many: they could do no more.
	Threads int
	// Duration is how long one run takes, 0 for 50 ms; the best of several counts.
	Duration time.Duration
	// Buffer is how many bytes are read over, 0 for what the machine's caches and
	// memory suggest.
	Buffer int64
}

// Limits is what a machine can do at most. Giga is 10⁹.
type Limits struct {
	ReadGBps   float64 `json:"read_gbps"`  // bytes a second, read from memory
	Int8GMACs  float64 `json:"int8_gmacs"` // multiply-adds of 8-bit integers a second
	F32GFLOPs  float64 `json:"f32_gflops"` // float32 operations a second; a multiply-add is two
	Impl       string  `json:"-"`          // whose instructions gave the peaks
	Threads    int     `json:"-"`
	Pinned     bool    `json:"-"` // each thread stayed on a processor of its own
	ReadWay    string  `json:"-"` // the way of reading that was fastest
	ReadBuffer int64   `json:"-"` // bytes it read over
	HugePages  bool    `json:"-"` // the system was asked for them there and has them

	// Undisturbed is the share of the time in which the threads had processors: well
	// below 1 other programs were busy, and the limits are too low. 0 is unknown.
	Undisturbed float64 `json:"-"`
}

// What is sensible for the options.
const (
	defaultDuration = 50 * time.Millisecond
	maxDuration     = 10 * time.Second
	peakRuns        = 5
	touchTime       = 1500 * time.Millisecond
	minPiece        = 1 << 20   // bytes of the buffer for each thread
	unknownBuffer   = 256 << 20 // where the available memory is unknown
	defaultBuffer   = 1 << 30   // unless the caches are large
	maxBuffer       = 4 << 30   // unless it is asked for
)

// Measure finds this machine's limits: each is the best of several short runs of
// all threads together. It takes two to three seconds, and up to Options.Buffer
// bytes of memory, which it gives back. Its error wraps ErrOption, ErrNoPeak,
// tensor.ErrNoMemory or that of ctx.
//
// Where a control group allows less processor time than the threads would take,
// short runs are faster than long ones can be; the limits are scaled to what can
// be kept up.
func Measure(ctx context.Context, o Options) (Limits, error) {
	m := Describe()
	p, err := o.complete(&m)
	if err != nil {
		return Limits{}, err
	}
	available, ok := AvailableMemory()
	if !ok {
		available = -1
	}
	size, err := bufferSize(o.Buffer, o.Threads, m.LastCache(), available)
	if err != nil {
		return Limits{}, err
	}
	l, err := measure(ctx, o, p, size)
	if err != nil {
		return Limits{}, fmt.Errorf("machine: measure: %w", err)
	}
	l.HugePages = l.HugePages && m.HugePages != "never" // there the advice is taken in vain
	l.scale(sustained(m.CPUQuota, o.Threads))
	return l, nil
}

// complete checks the options, fills in what is 0 and returns the loops.
func (o *Options) complete(m *Machine) (peak, error) {
	p, ok := peakOf(o.Impl)
	switch {
	case !ok || !slices.Contains(kernel.Implementations(), o.Impl):
		return p, fmt.Errorf("machine: measure: implementation %d, want one of %v: %w", o.Impl, kernel.Implementations(), ErrNoPeak)
	case o.Threads < 0:
		return p, fmt.Errorf("machine: measure: %d threads, want 0 or more: %w", o.Threads, ErrOption)
	case o.Duration < 0 || o.Duration > maxDuration:
		return p, fmt.Errorf("machine: measure: a run of %s, want 0 to %s: %w", o.Duration, maxDuration, ErrOption)
	case o.Buffer < 0:
		return p, fmt.Errorf("machine: measure: a buffer of %d bytes, want 0 or more: %w", o.Buffer, ErrOption)
	}
	if o.Threads == 0 {
		o.Threads = cmp.Or(m.Cores, m.Threads)
	}
	o.Threads = max(1, min(o.Threads, m.Threads))
	if o.Duration == 0 {
		o.Duration = defaultDuration
	}
	return p, nil
}

// bufferSize returns how many bytes to read over: what is wanted, or else four
// times the last caches, so that little of the buffer stays in them, and at least
// 1 GiB; never more than half of the memory that is available (-1: unknown).
func bufferSize(want int64, threads int, lastCaches, available int64) (int64, error) {
	least, most := int64(threads)*minPiece, int64(math.MaxInt/4)
	if available >= 0 {
		most = min(most, available/2)
	}
	switch {
	case want == 0 && available < 0:
		want = max(least, unknownBuffer)
	case want == 0:
		want = max(least, min(max(defaultBuffer, 4*lastCaches), maxBuffer, most))
	case want < least:
		return 0, fmt.Errorf("machine: measure: a buffer of %d bytes for %d threads, want %d: %w", want, threads, least, ErrOption)
	}
	if want > most {
		return 0, fmt.Errorf("machine: measure: a buffer of %d bytes, want %d or less, half of what is available: %w", want, most, tensor.ErrNoMemory)
	}
	return want, nil
}

// measure runs the loops.
func measure(ctx context.Context, o Options, p peak, size int64) (Limits, error) {
	l := Limits{Impl: o.Impl.String(), Threads: o.Threads}
	if err := ctx.Err(); err != nil {
		return l, err
	}
	memory, err := tensor.Allocate(int(size))
	if err != nil {
		return l, err
	}
	defer giveBack(&memory)
	l.HugePages = useHugePages(memory.Bytes())

	c := newCrew(o.Threads, pinOrder())
	defer c.close()
	l.Pinned = c.pinned
	pieces := touch(ctx, c, split(memory.Bytes(), o.Threads), time.Now().Add(touchTime))
	for _, piece := range pieces {
		l.ReadBuffer += int64(len(piece))
	}
	if err := ctx.Err(); err != nil {
		return l, err
	}
	read, way, err := readRate(ctx, c, pieces, o.Duration)
	if err != nil {
		return l, err
	}
	macs, err := c.best(ctx, peakRuns, o.Duration, p.int8)
	if err != nil {
		return l, err
	}
	flops, err := c.best(ctx, peakRuns, o.Duration, p.f32)
	l.ReadGBps, l.Int8GMACs, l.F32GFLOPs, l.ReadWay = read/1e9, macs/1e9, flops/1e9, way.String()
	l.Undisturbed = c.undisturbed()
	return l, err
}

// split cuts a buffer into a piece of whole pages for each thread.
func split(b []byte, threads int) [][]byte {
	pieces := make([][]byte, threads)
	n := len(b) / threads &^ (pageBytes - 1)
	for i := range pieces {
		pieces[i] = b[i*n:][:n:n]
	}
	return pieces
}

// giveBack returns memory to the system, on systems without mmap too, where it
// is the heap's.
func giveBack(m *tensor.Memory) {
	m.Free()
	debug.FreeOSMemory()
}

// sustained returns the share of the time that threads can run under a quota.
func sustained(quota float64, threads int) float64 {
	if quota <= 0 {
		return 1
	}
	return min(1, quota/float64(threads))
}

func (l *Limits) scale(by float64) {
	l.ReadGBps *= by
	l.Int8GMACs *= by
	l.F32GFLOPs *= by
}
