package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// benchColumns are those of bench/*.csv. Shares are those of the machine's limits, ratios
// those of blitz to the peer in the same turns.
var benchColumns = []string{
	"date", "cpu", "cores", "engine", "commit", "flags", "model", "test", "depth", "batch", "tokens_per_s", "min", "max",
	"read_share", "int8_share", "f32_share", "share_of_limit", "ratio", "ratio_min", "ratio_max",
}

// line returns the flags that change the figures.
func (f *benchFlags) line() string {
	var words []string
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	add("--mla", f.mla.v)
	add("-t", f.threads.String())
	add("-r", f.repeat.String())
	return strings.Join(words, " ")
}

// writeCSV writes a line for each test and engine.
func (r *benchReport) writeCSV(w io.Writer, flags string, now time.Time) error {
	c := csv.NewWriter(w)
	c.Write(benchColumns)
	model := strings.TrimSuffix(filepath.Base(r.Model), ".gguf")
	commit := readBuild().Commit
	flags = strings.TrimSpace(fmt.Sprintf("--cpu %s --cache %s %s", r.CPU, r.Cache, flags))
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }
	for i := range r.Runs {
		x := &r.Runs[i]
		line := func(engine, commit, flags string, rate benchRate, rest ...string) {
			c.Write(append([]string{
				now.UTC().Format(time.DateOnly), r.Machine.CPU, strconv.Itoa(r.Threads), engine, commit[:min(len(commit), 9)], flags, model,
				x.Test, strconv.Itoa(x.Depth), strconv.Itoa(x.Batch), number(rate.Median), number(rate.Min), number(rate.Max),
			}, rest...))
		}
		shares := []string{number(x.Read.Share), number(x.Int8.Share), number(x.Float.Share), number(x.Share)}
		if x.Peer == nil {
			line("blitz", commit, flags, x.Rate, append(shares, "", "", "")...)
			continue
		}
		line("blitz", commit, flags, x.Rate, append(shares, number(x.Ratio.Median), number(x.Ratio.Min), number(x.Ratio.Max))...)
		_, arguments, _ := strings.Cut(r.Peer.Command, " ")
		line(r.Peer.Engine, r.Peer.Commit, arguments, *x.Peer, "", "", "", "", "", "", "")
	}
	c.Flush()
	return c.Error()
}
