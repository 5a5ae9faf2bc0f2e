package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What benches print for 512 tokens at 145 a second and 64 at 29, of which the last stand
// behind 8192 others.
var peerOutputs = map[string]string{
	"json": `ggml: some line
[
  {"build_commit": "8337e4c", "n_prompt": 512, "n_gen": 0, "avg_ts": 99, "samples_ts": [150, 140, 145]},
  {"build_commit": "8337e4c", "n_prompt": 0, "n_gen": 64, "n_depth": 8192, "avg_ts": 29.0, "stddev_ts": 1},
  {"build_commit": "8337e4c", "n_prompt": 512, "n_gen": 64, "avg_ts": 70}
]
`,
	"jsonl": `{"n_prompt": 512, "n_gen": 0, "n_depth": 0, "avg_ts": 145}
{"n_prompt": 0, "n_gen": 64, "n_depth": 8192, "avg_ts": 29}
an end of another kind
`,
	"csv": `build_commit,n_prompt,n_gen,n_depth,avg_ts,stddev_ts
"8337e4c","512","0","0","145.000000","1.2"
"8337e4c","0","64","8192","29.000000","1.2"
"8337e4c","0","64","8192","not a number","1.2"
`,
	"md": `[no list
| model          |       size | threads |          test |           t/s |
| -------------- | ---------: | ------: | ------------: | ------------: |
| qwen2 1.5B Q4_K |  1.04 GiB |       2 |         pp512 | 145.00 ± 1.20 |
| qwen2 1.5B Q4_K |  1.04 GiB |       2 |  tg64 @ d8192 |  29.00 ± 0.10 |
| qwen2 1.5B Q4_K |  1.04 GiB |       2 |   pp512+tg64  |  70.00 ± 0.10 |

build: 8337e4c (1)
`,
	"blitz": `{"limits": {}, "runs": [
  {"test": "pp512", "depth": 0, "batch": 1, "tokens_per_s": {"median": 145, "min": 1, "max": 200}},
  {"test": "tg64", "depth": 8192, "batch": 1, "tokens_per_s": {"median": 29}}]}`,
}

func TestPeerOutputs(t *testing.T) {
	want := map[peerTest]float64{{"pp512", 0, 1}: 145, {"tg64", 8192, 1}: 29}
	for form, text := range peerOutputs {
		if got := new(peer).read([]byte(text)); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", form, got, want)
		}
	}
	p := new(peer)
	p.read([]byte(peerOutputs["json"]))
	if p.commit != "8337e4c" {
		t.Errorf("the commit is %q", p.commit)
	}
	batched := `{"pp": 128, "tg": 32, "pl": 4, "speed_pp": 500.5, "speed_tg": 60}`
	want = map[peerTest]float64{{"pp128", 0, 4}: 500.5, {"tg32", 128, 4}: 60}
	if got := new(peer).read([]byte(batched)); !maps.Equal(got, want) {
		t.Errorf("batched: got %v, want %v", got, want)
	}
	for _, text := range []string{
		"", "\n\n", "[", "{}", "[1, 2]", "| test |\n| t/s |", "n_prompt,avg_ts\n512", `{"n_prompt": 512, "avg_ts": -1}`,
		`{"n_prompt": 512, "n_gen": 0, "avg_ts": 1e999}`, "| test | t/s |\n|--|--|\n| pp512x | 3 |\n| pp512 | 1 | 2 |", strings.Repeat("[", 1<<20),
	} {
		if got := new(peer).read([]byte(text)); len(got) > 0 {
			t.Errorf("%.20q: got %v, want nothing", text, got)
		}
	}
}

func FuzzPeerOutput(f *testing.F) {
	for _, text := range peerOutputs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for test, rate := range new(peer).read(text) {
			if !(rate > 0) {
				t.Errorf("%v: %v", test, rate)
			}
		}
	})
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                         nil,
		"  a  bc\td ":              {"a", "bc", "d"},
		`a 'b c' "d'e" f"g h"i ''`: {"a", "b c", "d'e", "fg hi", ""},
	} {
		if got, err := splitWords(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", line, got, err, want)
		}
	}
	if got, err := splitWords(`a 'b`); err == nil {
		t.Errorf("without an end: got %q", got)
	}
}

// runBench runs bench on the tiny model, with what it printed.
func runBench(t *testing.T, model string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root := newRoot()
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(append([]string{"bench", model, "-p", "16", "-n", "4", "-r", "3", "-t", "1", "--packed-cache", "0"}, args...))
	err = root.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

// benchModel writes the tiny model and returns its path.
func benchModel(t *testing.T) string {
	t.Helper()
	model := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := writeTinyGGUF(model); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BLITZ_HOME", filepath.Join(t.TempDir(), "home"))
	return model
}

// TestBenchTurns measures the tiny model beside a command that prints known rates.
func TestBenchTurns(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("there is no cat, which stands for a bench: install coreutils")
	}
	model := benchModel(t)
	figures := filepath.Join(t.TempDir(), "a peer's figures.json")
	text := `[{"build_commit": "0123456789ab", "n_prompt": 16, "n_gen": 0, "avg_ts": 0.5}, {"n_prompt": 0, "n_gen": 7, "avg_ts": 1}]`
	if err := os.WriteFile(figures, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	command := cat + ` "` + figures + `"`
	file := filepath.Join(t.TempDir(), "runs.csv")
	stdout, stderr, err := runBench(t, model, "--compare", command, "--csv", file, "--profile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cat did not measure tg4", "tg7 of cat has nothing to be compared with"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
	for _, want := range []string{"   cat ", "   0.5 ", "tg4, depth 0, batch 1", "linear"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, stdout)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) != 4 { // names; pp16 of both; tg4
		t.Fatalf("%d lines of CSV, %v, want 4: %q", len(lines), err, lines)
	}
	for i, want := range []map[string]string{
		{"engine": "blitz", "test": "pp16", "depth": "0", "batch": "1", "model": "tiny", "cores": "1"},
		{"engine": "cat", "test": "pp16", "tokens_per_s": "0.5", "commit": "012345678", "ratio": ""},
		{"engine": "blitz", "test": "tg4", "ratio": ""},
	} {
		for name, value := range want {
			if got := lines[i+1][slices.Index(lines[0], name)]; got != value {
				t.Errorf("line %d: %s is %q, want %q", i+1, name, got, value)
			}
		}
	}
	if ratio := lines[1][slices.Index(lines[0], "ratio")]; ratio == "" {
		t.Error("the ratio is missing")
	}
	for want, args := range map[string][]string{
		"no such file":              {"--compare", cat + " /no such file"},
		"want one of pp17":          {"--compare", command, "-p", "17"},
		"has no end":                {"--compare", "cat 'x"},
		"it is empty":               {"--compare", " "},
		"no-such-bench":             {"--compare", "no-such-bench"},
		"no figures that are known": {"--compare", cat + " " + os.DevNull},
	} {
		if _, _, err := runBench(t, model, args...); err == nil || !strings.Contains(strings.ToLower(err.Error()), want) {
			t.Errorf("%q: got %v, want %s", args, err, want)
		}
	}
}

// TestBenchGuesses: guesses are counted, and the tiny model as its own draft is right.
func TestBenchGuesses(t *testing.T) {
	model := benchModel(t)
	stdout, _, err := runBench(t, model, "--draft", model, "-n", "30")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"random30", "again30"} {
		i := strings.Index(stdout, name)
		if i < 0 {
			t.Fatalf("no line %s in\n%s", name, stdout)
		}
		line, _, _ := strings.Cut(stdout[i:], "\n")
		// How many guesses pay is a matter of time; the first ones are made in any case.
		if fields := strings.Fields(line); len(fields) < 8 || name == "random30" && fields[7] == "0" {
			t.Errorf("nothing was guessed: %s", line)
		}
	}
	if _, _, err := runBench(t, model, "--speculate", "ngram", "-n", "1"); err == nil {
		t.Error("one token to guess in was taken")
	}
	if _, _, err := runBench(t, model, "--speculate", "mtp"); err == nil {
		t.Error("a model without the module was taken")
	}
}
