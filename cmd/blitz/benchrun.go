package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/machine"
)

// benchRun is the result of one test. Shares and rates of work are medians.
type benchRun struct {
	Test       string           `json:"test"` // pp512, tg64
	Depth      int              `json:"depth"`
	Batch      int              `json:"batch"`
	Rate       benchRate        `json:"tokens_per_s"` // of all sequences together
	Share      float64          `json:"share_of_limit"`
	Read       benchUse         `json:"reading"` // GB/s
	Int8       benchUse         `json:"int8"`    // GMAC/s
	Float      benchUse         `json:"float32"` // GFLOP/s
	Operations []benchOperation `json:"operations,omitempty"`
	Peer       *benchRate       `json:"peer_tokens_per_s,omitempty"`
	Ratio      *benchRate       `json:"ratio,omitempty"` // to the peer, of each turn

	reading bool          // the limit is that of reading
	took    time.Duration // of the run whose operations are shown
}

type benchRate struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// rateOf returns what some numbers lie between, and the middle of them.
func rateOf(x []float64) benchRate {
	slices.Sort(x)
	return benchRate{Median: median(x), Min: x[0], Max: x[len(x)-1]}
}

// benchUse is what a test had of one of the machine's limits.
type benchUse struct {
	Rate  float64 `json:"rate"`
	Share float64 `json:"share"`
}

// benchOperation is what operations of one kind took in the fastest run of a test.
type benchOperation struct {
	Operation string  `json:"operation"`
	Calls     int     `json:"calls"`
	Seconds   float64 `json:"seconds"`
	TimeShare float64 `json:"share_of_time"`
	Read      int64   `json:"read_bytes"`
	IntMACs   int64   `json:"int_macs"`
	FloatMACs int64   `json:"float_macs"`
	Share     float64 `json:"share_of_limit"`
}

// benchTest is one half of a trial: its name, its tokens, and what a run took.
type benchTest struct {
	peerTest
	tokens int // of all sequences
	of     func(*blitz.Timing) (time.Duration, []blitz.Work)
	// experts returns what was read of them.
	experts func(*blitz.Timing) blitz.ExpertStats
}

// tests returns what a trial tested.
func (t *benchTrial) tests() []benchTest {
	var tests []benchTest
	if t.Prompt > 0 {
		key := peerTest{fmt.Sprintf("pp%d", t.Prompt), t.Depth, t.Sequences}
		tests = append(tests, benchTest{key, t.Prompt * t.Sequences, func(x *blitz.Timing) (time.Duration, []blitz.Work) {
			return x.Prefill, x.PrefillWork
		}, func(x *blitz.Timing) blitz.ExpertStats { return x.PrefillExperts }})
	}
	if t.Tokens > 0 {
		key := peerTest{fmt.Sprintf("tg%d", t.Tokens), t.Depth, t.Sequences}
		tests = append(tests, benchTest{key, t.Tokens * t.Sequences, func(x *blitz.Timing) (time.Duration, []blitz.Work) {
			return x.Decode, x.DecodeWork
		}, func(x *blitz.Timing) blitz.ExpertStats { return x.DecodeExperts }})
	}
	return tests
}

// runs returns the results of a trial.
func (b *benchmark) runs(t *benchTrial, limits *machine.Limits) []benchRun {
	var runs []benchRun
	for _, test := range t.tests() {
		r := test.run(t.timings, limits)
		b.beside(&r, test, t.timings)
		if b.flags.profile {
			r.profile(test, t.timings, limits)
		}
		runs = append(runs, r)
	}
	return runs
}

// run returns the result of a test.
func (test *benchTest) run(timings []blitz.Timing, limits *machine.Limits) benchRun {
	r := benchRun{Test: test.name, Depth: test.depth, Batch: test.batch}
	var rates, shares, read, ints, floats []float64
	for i := range timings {
		took, work := test.of(&timings[i])
		all := blitz.TotalWork(work)
		least, reading := leastTime(all, limits)
		s := took.Seconds()
		rates = append(rates, float64(test.tokens)/s)
		shares = append(shares, least/s)
		read = append(read, float64(all.ReadBytes)/1e9/s)
		ints = append(ints, float64(all.IntMACs)/1e9/s)
		floats = append(floats, 2*float64(all.FloatMACs)/1e9/s)
		r.reading = reading
	}
	use := func(x []float64, limit float64) benchUse {
		m := rateOf(x).Median
		return benchUse{m, m / limit}
	}
	r.Rate, r.Share = rateOf(rates), rateOf(shares).Median
	r.Read, r.Int8, r.Float = use(read, limits.ReadGBps), use(ints, limits.Int8GMACs), use(floats, limits.F32GFLOPs)
	return r
}

// beside adds what the peer did in the same turns.
func (b *benchmark) beside(r *benchRun, test benchTest, timings []blitz.Timing) {
	var rates, ratios []float64
	for i, turn := range b.turns {
		if rate := turn[test.peerTest]; rate > 0 {
			took, _ := test.of(&timings[i])
			rates = append(rates, rate)
			ratios = append(ratios, float64(test.tokens)/took.Seconds()/rate)
		}
	}
	if len(rates) > 0 {
		peer, ratio := rateOf(rates), rateOf(ratios)
		r.Peer, r.Ratio = &peer, &ratio
	}
}

// median returns the middle of sorted numbers.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// leastTime returns how long the machine's limits would take for some work, in
// seconds, and whether that is the limit of reading.
func leastTime(w blitz.Work, l *machine.Limits) (seconds float64, reading bool) {
	read := float64(w.ReadBytes) / (l.ReadGBps * 1e9)
	compute := float64(w.IntMACs)/(l.Int8GMACs*1e9) + 2*float64(w.FloatMACs)/(l.F32GFLOPs*1e9)
	return max(read, compute), read > compute
}

// profile adds what each kind of operation took, in the run that was the fastest.
func (r *benchRun) profile(test benchTest, timings []blitz.Timing, limits *machine.Limits) {
	best := slices.MinFunc(timings, func(a, b blitz.Timing) int {
		x, _ := test.of(&a)
		y, _ := test.of(&b)
		return int(x - y)
	})
	took, work := test.of(&best)
	r.took = took
	between := blitz.Work{Operation: "what lies between", Time: took - blitz.TotalWork(work).Time}
	for _, w := range append(slices.Clone(work), between) {
		least, _ := leastTime(w, limits)
		o := benchOperation{
			Operation: w.Operation, Calls: w.Calls, Seconds: w.Time.Seconds(), TimeShare: w.Time.Seconds() / took.Seconds(),
			Read: w.ReadBytes, IntMACs: w.IntMACs, FloatMACs: w.FloatMACs,
		}
		if w.Time > 0 {
			o.Share = least / w.Time.Seconds()
		}
		r.Operations = append(r.Operations, o)
	}
}

// write prints the report for people.
func (r *benchReport) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d threads, %s, cache %s\n", printable(r.Machine.CPU), r.Threads, r.CPU, r.Cache)
	fmt.Fprintf(w, "limits: reading %.1f GB/s, int8 %.0f GMAC/s, float32 %.0f GFLOP/s\n", r.Limits.ReadGBps, r.Limits.Int8GMACs, r.Limits.F32GFLOPs)
	if r.Limits.Undisturbed > 0 && r.Limits.Undisturbed < 0.9 {
		fmt.Fprintf(w, "other programs took %.0f %% of the processors meanwhile: the figures are too low\n", 100*(1-r.Limits.Undisturbed))
	}
	fmt.Fprintf(w, "load %.2f s, first token %.2f s after the start", r.Load, r.FirstToken)
	if r.RSS > 0 {
		fmt.Fprintf(w, ", %.0f MiB in memory", r.RSS)
	}
	fmt.Fprintln(w)
	rows := [][]string{{"test", "depth", "batch", "tokens/s", "min", "max", "reading", "int8", "float32", "share", "of the limit of"}}
	if r.Peer != nil {
		rows[0] = append(rows[0], printable(r.Peer.Engine), "ratio", "min", "max")
	}
	for i := range r.Runs {
		rows = append(rows, r.Runs[i].row())
	}
	if err := writeTable(w, rows...); err != nil {
		return err
	}
	if r.Speculation != nil {
		if err := writeGuesses(w, r.Speculation); err != nil {
			return err
		}
	}
	return writeExperts(w, r.Experts)
}

// row returns the line of a test.
func (r *benchRun) row() []string {
	limit := "arithmetic"
	if r.reading {
		limit = "reading"
	}
	row := []string{
		r.Test, strconv.Itoa(r.Depth), strconv.Itoa(r.Batch),
		formatRate(r.Rate.Median), formatRate(r.Rate.Min), formatRate(r.Rate.Max),
		formatShare(r.Read.Share), formatShare(r.Int8.Share), formatShare(r.Float.Share), formatShare(r.Share), limit,
	}
	if r.Peer != nil {
		row = append(row, formatRate(r.Peer.Median), fmt.Sprintf("%.2f ×", r.Ratio.Median), fmt.Sprintf("%.2f", r.Ratio.Min), fmt.Sprintf("%.2f", r.Ratio.Max))
	}
	return row
}

// formatRate writes tokens per second.
func formatRate(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

func formatShare(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

// writeProfiles prints what each kind of operation took, in the run of each test
// that was the fastest.
func (r *benchReport) writeProfiles(w io.Writer) error {
	for i := range r.Runs {
		x := &r.Runs[i]
		fmt.Fprintf(w, "\n%s, depth %d, batch %d: %s\n", x.Test, x.Depth, x.Batch, x.took.Round(time.Microsecond))
		rows := [][]string{{"operation", "calls", "ms", "of the time", "read", "GB/s", "GMAC", "GMAC/s", "share of limit"}}
		for _, o := range x.Operations {
			rows = append(rows, o.row())
		}
		if err := writeTable(w, rows...); err != nil {
			return err
		}
	}
	return nil
}

// row returns the line of a kind of operation.
func (o *benchOperation) row() []string {
	row := []string{o.Operation, strconv.Itoa(o.Calls), fmt.Sprintf("%.1f", o.Seconds*1e3), fmt.Sprintf("%.1f %%", 100*o.TimeShare)}
	if o.Share == 0 {
		return row
	}
	macs := float64(o.IntMACs+o.FloatMACs) / 1e9
	return append(row, hub.FormatBytes(o.Read), fmt.Sprintf("%.1f", float64(o.Read)/1e9/o.Seconds),
		fmt.Sprintf("%.1f", macs), fmt.Sprintf("%.1f", macs/o.Seconds), formatShare(o.Share))
}
