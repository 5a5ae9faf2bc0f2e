package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/machine"
)

// benchRun is the result of one test.
type benchRun struct {
	Test    string    `json:"test"` // pp512, tg64
	Depth   int       `json:"depth"`
	Batch   int       `json:"batch"`
	Rate    benchRate `json:"tokens_per_s"` // of all sequences together
	Share   float64   `json:"share_of_limit"`
	reading bool      // the limit is that of reading
}

type benchRate struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// benchTest is one half of a trial: its name, its tokens, and what a run took.
type benchTest struct {
	name   string
	tokens int // of all sequences
	of     func(*blitz.Timing) (time.Duration, []blitz.Work)
}

// tests returns what a trial tested.
func (t *benchTrial) tests() []benchTest {
	var tests []benchTest
	if t.Prompt > 0 {
		tests = append(tests, benchTest{fmt.Sprintf("pp%d", t.Prompt), t.Prompt * t.Sequences, func(x *blitz.Timing) (time.Duration, []blitz.Work) {
			return x.Prefill, x.PrefillWork
		}})
	}
	if t.Tokens > 0 {
		tests = append(tests, benchTest{fmt.Sprintf("tg%d", t.Tokens), t.Tokens * t.Sequences, func(x *blitz.Timing) (time.Duration, []blitz.Work) {
			return x.Decode, x.DecodeWork
		}})
	}
	return tests
}

// runs returns the results of a trial.
func (t *benchTrial) runs(limits *machine.Limits) []benchRun {
	var runs []benchRun
	for _, test := range t.tests() {
		var rates, shares []float64
		var reading bool
		for i := range t.timings {
			took, work := test.of(&t.timings[i])
			least, read := leastTime(blitz.TotalWork(work), limits)
			rates = append(rates, float64(test.tokens)/took.Seconds())
			shares = append(shares, least/took.Seconds())
			reading = read
		}
		slices.Sort(rates)
		slices.Sort(shares)
		runs = append(runs, benchRun{
			Test: test.name, Depth: t.Depth, Batch: t.Sequences, Share: median(shares), reading: reading,
			Rate: benchRate{Median: median(rates), Min: rates[0], Max: rates[len(rates)-1]},
		})
	}
	return runs
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
	rows := [][]string{{"test", "depth", "batch", "tokens/s", "min", "max", "share", "of the limit of"}}
	for _, x := range r.Runs {
		limit := "arithmetic"
		if x.reading {
			limit = "reading"
		}
		rows = append(rows, []string{
			x.Test, strconv.Itoa(x.Depth), strconv.Itoa(x.Batch),
			formatRate(x.Rate.Median), formatRate(x.Rate.Min), formatRate(x.Rate.Max), fmt.Sprintf("%.0f %%", 100*x.Share), limit,
		})
	}
	return writeTable(w, rows...)
}

// formatRate writes tokens per second.
func formatRate(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// writeProfiles prints what each kind of operation took, in the run of each test
// that was the fastest.
func writeProfiles(w io.Writer, trials []benchTrial, limits *machine.Limits) error {
	for i := range trials {
		t := &trials[i]
		for _, test := range t.tests() {
			best := 0
			for i := range t.timings {
				took, _ := test.of(&t.timings[i])
				if least, _ := test.of(&t.timings[best]); took < least {
					best = i
				}
			}
			took, work := test.of(&t.timings[best])
			fmt.Fprintf(w, "\n%s, depth %d, batch %d: %s\n", test.name, t.Depth, t.Sequences, took.Round(time.Microsecond))
			if err := writeTable(w, profile(took, work, limits)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// profile returns the lines of a table of operations.
func profile(took time.Duration, work []blitz.Work, limits *machine.Limits) [][]string {
	rows := [][]string{{"operation", "calls", "ms", "of the time", "read", "GMAC", "share of limit"}}
	add := func(w blitz.Work) {
		least, _ := leastTime(w, limits)
		share := ""
		if least > 0 {
			share = fmt.Sprintf("%.0f %%", 100*least/w.Time.Seconds())
		}
		rows = append(rows, []string{
			w.Operation, strconv.Itoa(w.Calls), fmt.Sprintf("%.1f", float64(w.Time.Microseconds())/1e3),
			fmt.Sprintf("%.1f %%", 100*w.Time.Seconds()/took.Seconds()), hub.FormatBytes(w.ReadBytes),
			fmt.Sprintf("%.1f", float64(w.IntMACs+w.FloatMACs)/1e9), share,
		})
	}
	for _, w := range work {
		add(w)
	}
	add(blitz.Work{Operation: "what lies between", Time: took - blitz.TotalWork(work).Time})
	return rows
}

// writeBenchCSV writes a line for every run of every test.
func writeBenchCSV(w io.Writer, trials []benchTrial) error {
	c := csv.NewWriter(w)
	c.Write([]string{"test", "depth", "batch", "run", "tokens", "seconds", "tokens_per_s", "read_bytes", "int_macs", "float_macs"})
	for i := range trials {
		t := &trials[i]
		for _, test := range t.tests() {
			for k := range t.timings {
				took, work := test.of(&t.timings[k])
				all := blitz.TotalWork(work)
				c.Write([]string{
					test.name, strconv.Itoa(t.Depth), strconv.Itoa(t.Sequences), strconv.Itoa(k), strconv.Itoa(test.tokens),
					strconv.FormatFloat(took.Seconds(), 'f', 6, 64), strconv.FormatFloat(float64(test.tokens)/took.Seconds(), 'f', 3, 64),
					strconv.FormatInt(all.ReadBytes, 10), strconv.FormatInt(all.IntMACs, 10), strconv.FormatInt(all.FloatMACs, 10),
				})
			}
		}
	}
	c.Flush()
	return c.Error()
}
