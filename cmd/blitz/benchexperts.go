package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/hub"
)

// expertRun is what a test read of experts that are not all in memory, over all its runs.
type expertRun struct {
	Test      string  `json:"test"`
	Depth     int     `json:"depth"`
	Batch     int     `json:"batch"`
	Memory    int64   `json:"memory_bytes"` // that experts may take
	Needed    uint64  `json:"needed"`       // experts, by layers
	Hits      uint64  `json:"hits"`         // of them, those in memory
	Late      uint64  `json:"late"`         // those on their way, since they were guessed
	Guessed   uint64  `json:"guessed"`
	Confirmed uint64  `json:"confirmed"`
	Reads     uint64  `json:"reads"`
	Bytes     float64 `json:"read_bytes_per_token"`
	Rate      float64 `json:"read_gbps"` // over the whole time
	Waited    float64 `json:"waited"`    // share of the time with nothing to compute
}

// experts returns what the tests of a trial read; nothing where all experts are in memory.
func (t *benchTrial) experts(m *blitz.Model) (runs []expertRun) {
	_, memory, ok := m.Experts()
	if !ok {
		return nil
	}
	for _, test := range t.tests() {
		var all blitz.ExpertStats
		var seconds float64
		for i := range t.timings {
			x := &t.timings[i]
			took, _ := test.of(x)
			seconds += took.Seconds()
			all = all.Add(test.experts(x))
		}
		runs = append(runs, expertRun{
			Test: test.name, Depth: t.Depth, Batch: t.Sequences, Memory: memory, Needed: all.Needed, Hits: all.Hits, Late: all.Late,
			Guessed: all.Guessed, Confirmed: all.Confirmed, Reads: all.Reads,
			Bytes: float64(all.ReadBytes) / float64(test.tokens*len(t.timings)), Rate: float64(all.ReadBytes) / seconds / 1e9,
			Waited: all.Waited.Seconds() / seconds,
		})
	}
	return runs
}

// writeExperts prints what was read of experts.
func writeExperts(w io.Writer, runs []expertRun) error {
	if len(runs) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nexperts in %s of memory\n", hub.FormatBytes(runs[0].Memory))
	rows := [][]string{{"test", "depth", "batch", "needed", "in memory", "on the way", "guesses right", "read a token", "GB/s", "waited"}}
	for _, x := range runs {
		share := func(n, of uint64) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(of, 1))) }
		rows = append(rows, []string{
			x.Test, strconv.Itoa(x.Depth), strconv.Itoa(x.Batch), strconv.FormatUint(x.Needed, 10), share(x.Hits, x.Needed), share(x.Late, x.Needed),
			share(x.Confirmed, x.Guessed), hub.FormatBytes(int64(x.Bytes)), fmt.Sprintf("%.2f", x.Rate), fmt.Sprintf("%.0f %%", 100*x.Waited),
		})
	}
	return writeTable(w, rows...)
}
