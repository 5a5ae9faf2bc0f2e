package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/fault"
)

// peer is another engine's bench, a command that is run in turns with our own measurements.
type peer struct {
	argv   []string
	engine string // what it calls itself, or the command's name
	commit string // "" where it does not say
}

// newPeer reads a command line: words, of which quotes keep blanks. No shell is asked.
func newPeer(command string) (*peer, error) {
	argv, err := splitWords(command)
	if err == nil && len(argv) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fault.Misuse(fmt.Errorf("--compare: %w", err))
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	return &peer{argv: argv, engine: strings.TrimSuffix(filepath.Base(argv[0]), ".exe")}, nil
}

// splitWords splits a line at blanks. Single and double quotes keep what is between them.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inside := false // a word has begun
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c has no end: %q", quote, line)
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

// peerTest is what tells one test of a bench from the others.
type peerTest struct {
	name         string // pp512, tg64
	depth, batch int
}

func (t peerTest) String() string {
	s := t.name
	if t.depth > 0 {
		s += fmt.Sprintf(" at depth %d", t.depth)
	}
	if t.batch > 1 {
		s += fmt.Sprintf(" of %d sequences", t.batch)
	}
	return s
}

// mostPeerOutput bounds what is kept of a peer's output.
const mostPeerOutput = 8 << 20

// run runs the command once and returns the tokens a second of each of its tests.
func (p *peer) run(ctx context.Context) (map[peerTest]float64, error) {
	stdout, stderr := &bounded{most: mostPeerOutput}, &bounded{most: mostPeerOutput}
	c := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...)
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("--compare: %s: %w: %.300q", p.argv[0], err, lastLine(stderr.text.String()))
	}
	found := p.read(stdout.text.Bytes())
	if len(found) == 0 {
		err := fmt.Errorf("--compare: %s printed no figures that are known: %.300q", p.argv[0], lastLine(stdout.text.String()))
		return nil, fault.WithHint(err, "llama-bench prints them with -o json, jsonl, csv or md, llama-batched-bench with --output-format jsonl, blitz bench with --json")
	}
	return found, nil
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	text bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.text.Write(p[:min(len(p), b.most-b.text.Len())])
	return len(p), nil
}

// lastLine returns the last line of a text that has something in it.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// read finds figures in what a bench printed, in any of the forms that it knows: lines of
// other programs may stand before them.
func (p *peer) read(out []byte) map[peerTest]float64 {
	found := map[peerTest]float64{}
	for at := 0; at < len(out); {
		line := out[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		text := strings.TrimSpace(string(line))
		switch {
		case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
			p.readJSON(out[at:], found)
		case strings.HasPrefix(text, "|"):
			readMarkdown(out[at:], found)
		case strings.Contains(text, "n_prompt") && strings.Contains(text, "avg_ts"):
			readCSV(out[at:], found)
		}
		if len(found) > 0 {
			return found
		}
		at += len(line)
	}
	return found
}

// peerRow is a result in the JSON of llama-bench, of llama-batched-bench, or of blitz.
type peerRow struct {
	Prompt  int       `json:"n_prompt"`
	Gen     int       `json:"n_gen"`
	Depth   int       `json:"n_depth"`
	Rate    float64   `json:"avg_ts"`
	Samples []float64 `json:"samples_ts"`
	Commit  string    `json:"build_commit"`

	PP      int     `json:"pp"`
	TG      int     `json:"tg"`
	PL      int     `json:"pl"`
	PPSpeed float64 `json:"speed_pp"`
	TGSpeed float64 `json:"speed_tg"`

	Runs []benchRun `json:"runs"`
}

// readJSON reads results one behind the other, or a list of them, up to what is neither.
func (p *peer) readJSON(text []byte, found map[peerTest]float64) {
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return
		}
		var rows []peerRow
		if raw[0] == '[' {
			if json.Unmarshal(raw, &rows) != nil {
				return
			}
		} else {
			rows = make([]peerRow, 1)
			if json.Unmarshal(raw, &rows[0]) != nil {
				return
			}
		}
		for i := range rows {
			p.take(&rows[i], found)
		}
	}
}

// take notes what a row says.
func (p *peer) take(r *peerRow, found map[peerTest]float64) {
	if r.Commit != "" {
		p.commit = r.Commit
	}
	if len(r.Samples) > 0 {
		slices.Sort(r.Samples)
		r.Rate = median(r.Samples)
	}
	put(found, r.Prompt, r.Gen, r.Depth, r.Rate)
	if r.PL > 0 { // it decodes behind the prompts
		note(found, peerTest{fmt.Sprintf("pp%d", r.PP), 0, r.PL}, r.PPSpeed)
		note(found, peerTest{fmt.Sprintf("tg%d", r.TG), r.PP, r.PL}, r.TGSpeed)
	}
	for _, x := range r.Runs {
		note(found, peerTest{x.Test, x.Depth, x.Batch}, x.Rate.Median)
	}
}

// put notes the rate of a test of either prefilling or decoding.
func put(found map[peerTest]float64, prompt, gen, depth int, rate float64) {
	switch {
	case prompt > 0 && gen == 0:
		note(found, peerTest{fmt.Sprintf("pp%d", prompt), depth, 1}, rate)
	case gen > 0 && prompt == 0:
		note(found, peerTest{fmt.Sprintf("tg%d", gen), depth, 1}, rate)
	}
}

// note notes a rate that is one.
func note(found map[peerTest]float64, t peerTest, rate float64) {
	if rate > 0 && !math.IsInf(rate, 0) {
		found[t] = rate
	}
}

// readCSV reads a table with a line of names above it.
func readCSV(text []byte, found map[peerTest]float64) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	names, err := r.Read()
	if err != nil {
		return
	}
	for {
		record, err := r.Read()
		if err != nil { // its end, or what is no table
			return
		}
		cell := func(name string) string {
			if i := slices.Index(names, name); i >= 0 && i < len(record) {
				return record[i]
			}
			return ""
		}
		number := func(name string) int { n, _ := strconv.Atoi(cell(name)); return n }
		rate, _ := strconv.ParseFloat(cell("avg_ts"), 64)
		put(found, number("n_prompt"), number("n_gen"), number("n_depth"), rate)
	}
}

// readMarkdown reads a table whose columns are called test and t/s: "pp512 @ d8192",
// "145.11 ± 2.30".
func readMarkdown(text []byte, found map[peerTest]float64) {
	var names []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			return
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		test, rate := slices.Index(names, "test"), slices.Index(names, "t/s")
		switch {
		case names == nil:
			names = cells
		case test >= 0 && rate >= 0 && len(cells) == len(names):
			name, at, _ := strings.Cut(cells[test], " @ d")
			mean, _, _ := strings.Cut(cells[rate], " ")
			depth, _ := strconv.Atoi(at)
			v, _ := strconv.ParseFloat(mean, 64)
			var n int
			if _, err := fmt.Sscanf(name, "pp%d", &n); err == nil && name == fmt.Sprintf("pp%d", n) {
				put(found, n, 0, depth, v)
			} else if _, err := fmt.Sscanf(name, "tg%d", &n); err == nil && name == fmt.Sprintf("tg%d", n) {
				put(found, 0, n, depth, v)
			}
		}
	}
}
