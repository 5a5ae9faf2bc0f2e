package task

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// readLines reads a file of JSON lines.
func readLines[T any](t testing.TB, path string) (all []T) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, v)
	}
	return all
}

// unfold returns a text that is stored as itself or as pieces with how often each comes.
func unfold(t *testing.T, raw json.RawMessage) *string {
	t.Helper()
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var pieces [][2]any
	if err := json.Unmarshal(raw, &pieces); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(strings.Repeat(p[0].(string), int(p[1].(float64))))
	}
	whole := b.String()
	return &whole
}

// TestVerdicts compares with what an independent program thinks of the completions.
func TestVerdicts(t *testing.T) {
	for _, kind := range Kinds {
		cases := readLines[struct {
			Title string
			Line  map[string]json.RawMessage
			Want  struct {
				Reward          float64
				Format, Correct bool
				Answer          json.RawMessage
			}
		}](t, "testdata/"+kind+".jsonl")
		for _, c := range cases {
			c.Line["completion"], _ = json.Marshal(unfold(t, c.Line["completion"]))
			line, _ := json.Marshal(c.Line)
			p, completion, err := ParseLine(kind, line)
			if err != nil {
				t.Errorf("%s: %s: %v", kind, c.Title, err)
				continue
			}
			got, answer := Judge(p, completion), unfold(t, c.Want.Answer)
			same := (got.Answer == nil) == (answer == nil) && (answer == nil || *got.Answer == *answer)
			if got.Reward != c.Want.Reward || got.Format != c.Want.Format || got.Correct != c.Want.Correct || !same {
				t.Errorf("%s: %s: %.200s: got %+v, want %+v", kind, c.Title, completion, got, c.Want)
			}
		}
	}
}

// TestNoProblem refuses lines that are none, and says what is wrong.
func TestNoProblem(t *testing.T) {
	for _, c := range [][3]string{
		{"countdown", `5`, "want an object"},
		{"countdown", `{"target": 6, "completion": ""}`, "numbers is missing"},
		{"countdown", `{"numbers": null, "target": 6, "completion": ""}`, "numbers is missing"},
		{"countdown", `{"numbers": [], "target": 6, "completion": ""}`, "numbers is empty"},
		{"countdown", `{"numbers": "6,7", "target": 6, "completion": ""}`, `numbers is "6,7"`},
		{"countdown", `{"numbers": ["6"], "target": 6, "completion": 7}`, "completion is 7"},
		{"countdown", `{"numbers": [6.5], "target": 6, "completion": ""}`, "numbers[0] is 6.5"},
		{"countdown", `{"numbers": [6], "target": 1e9, "completion": ""}`, "target is 1e9"},
		{"countdown", `{"numbers": [6], "target": "6", "completion": ""}`, `target is "6"`},
		{"countdown", `{"numbers": [6], "target": 6}`, "completion is missing"},
		{"arithmetic", `{"expression": "6*", "completion": ""}`, "expression: no expression: byte 2"},
		{"arithmetic", `{"expression": "1/(2-2)", "completion": ""}`, "divides by 0"},
		{"arithmetic", `{"Expression": "1", "completion": ""}`, "expression is missing"},
		{"chess", `{"completion": ""}`, `task "chess"`},
	} {
		if _, _, err := ParseLine(c[0], []byte(c[1])); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: error %v, want %q in it", c[1], err, c[2])
		}
	}
}

// TestLongAnswers bounds what is computed of answers that are long in every way. What is
// asked for here took hours where values were computed of everything.
func TestLongAnswers(t *testing.T) {
	repeat := strings.Repeat
	c, err := NewCountdown([]int64{6, 7, 3}, fractionRat(45))
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewArithmetic("1/3")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		p      Problem
		answer string
		formed bool
	}{
		{c, repeat("1/999999999999999989+", 1<<18) + "1", true},
		{c, repeat("999999999999999989*", 1<<18) + "1", true},
		{c, repeat("(", 1<<22), false},
		{c, repeat("1+(", 1<<20), false},
		{c, repeat("9", 1<<22), false},
		{c, repeat(" ", 1<<22) + "1", true},
		{a, repeat("9", 1<<22), false},
		{a, "0." + repeat("3", 1<<22), true},
		{a, "0.0" + repeat("0", 1<<22), true},
		{a, "1/" + repeat("3", 1<<22), false},
	} {
		if formed, right := x.p.Check(x.answer); formed != x.formed || right {
			t.Errorf("%.30s…: %v, %v, want %v, false", x.answer, formed, right, x.formed)
		}
	}
	// Deep and long, and right.
	deep := repeat("(", maxNesting) + "6*7" + repeat(")", maxNesting) + "+3"
	if _, right := c.Check(deep); !right {
		t.Errorf("nested %d deep is wrong", maxNesting)
	}
	if formed, _ := c.Check("(" + deep + ")"); formed {
		t.Errorf("nested %d deep is taken", maxNesting+1)
	}
	if _, err := NewArithmetic(repeat("1/999999999999999989+", maxNumbers/2-1) + "1"); err != nil {
		t.Errorf("%d numbers: %v", maxNumbers-1, err)
	}
	if _, err := NewArithmetic(repeat("1+", maxNumbers) + "1"); err == nil {
		t.Errorf("%d numbers are taken", maxNumbers+1)
	}
}

// TestScores compares pass@k, maj@k and standard errors with an independent program's.
func TestScores(t *testing.T) {
	cases := readLines[struct {
		Title string
		Case  json.RawMessage
		Want  struct {
			Error     bool
			Problems  int
			Pass, Maj map[string]Score
		}
	}](t, "testdata/scores.jsonl")
	for _, c := range cases {
		got, err := ScoreLine(c.Case)
		if c.Want.Error || err != nil {
			if (err != nil) != c.Want.Error {
				t.Errorf("%s: error %v, want one: %v", c.Title, err, c.Want.Error)
			}
			continue
		}
		if got.Problems != c.Want.Problems {
			t.Errorf("%s: %d problems, want %d", c.Title, got.Problems, c.Want.Problems)
		}
		for name, by := range map[string][2]map[string]Score{"pass": {got.Pass, c.Want.Pass}, "maj": {got.Majority, c.Want.Maj}} {
			if len(by[0]) != len(by[1]) {
				t.Errorf("%s: %s has %d scores, want %d", c.Title, name, len(by[0]), len(by[1]))
			}
			for k, w := range by[1] {
				g := by[0][k]
				same := near(g.Value, w.Value) && (g.StandardError == nil) == (w.StandardError == nil) && (w.StandardError == nil || near(*g.StandardError, *w.StandardError))
				if !same {
					t.Errorf("%s: %s@%s: got %v ± %v, want %v ± %v", c.Title, name, k, g.Value, g.StandardError, w.Value, w.StandardError)
				}
			}
		}
	}
}

// near allows for another order of the same products: 1e-9 of the value.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b)+1e-12 }

// TestNoScore refuses lines that have none.
func TestNoScore(t *testing.T) {
	for _, c := range [][2]string{
		{`5`, "want an object"},
		{`{"pass": [1], "problems": [{"n": 1, "c": 1}]} {}`, "more than one value"},
		{`{"pass": [1], "problem": []}`, "unknown field"},
		{`{"pass": [1]}`, "no problems"},
		{`{"pass": [1.5], "problems": [{"n": 1, "c": 1}]}`, "want an object"},
		{`{"pass": [1], "problems": [{"n": 1}]}`, "problem 0: want correct, or n and c"},
		{`{"pass": [1], "problems": [{"n": 1, "c": 1}, {"n": 1, "c": 1, "correct": [true]}]}`, "problem 1: want either"},
		{`{"pass": [1], "problems": [{"n": 4611686018427387904, "c": 1}]}`, "want 0 to"},
		{`{"pass": [1], "problems": [{"n": -1, "c": -1}]}`, "want 0 to"},
		{`{"pass": [1], "problems": [{"correct": [null]}]}`, "correct[0] is null"},
		{`{"maj": [1], "problems": [{"correct": [true]}]}`, "maj@1 needs the answers"},
		{`{"maj": [1], "problems": [{"correct": [true], "answers": ["1", "2"]}]}`, "2 answers, and correct has 1"},
		{`{"pass": [-3], "problems": [{"correct": [true]}]}`, "pass@-3: want 1 or more"},
		{`{"pass": [1` + strings.Repeat(",1", maxK) + `], "problems": [{"n": 1, "c": 1}]}`, "1001 numbers"},
		{`{"pass": [3000000], "problems": [{"n": 10000000, "c": 3000000}` + strings.Repeat(`, {"n": 10000000, "c": 3000000}`, 400) + `]}`, "factors"},
	} {
		if _, err := ScoreLine([]byte(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%.80s: error %v, want %q in it", c[0], err, c[1])
		}
	}
}

// FuzzScoreLine never panics, and a score is a share.
func FuzzScoreLine(f *testing.F) {
	in := bufio.NewScanner(strings.NewReader(`{"pass": [1, 2], "maj": [2], "problems": [{"correct": [true, false], "answers": ["a", null]}]}
{"pass": [3], "problems": [{"n": 9, "c": 4}, {"n": 3, "c": 3}]}`))
	for in.Scan() {
		f.Add(in.Bytes())
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := ScoreLine(line)
		if err != nil {
			return
		}
		for _, by := range []map[string]Score{s.Pass, s.Majority} {
			for k, x := range by {
				if !(x.Value >= 0 && x.Value <= 1) || x.StandardError != nil && !(*x.StandardError >= 0 && *x.StandardError <= 1) {
					t.Errorf("@%s is %v ± %v", k, x.Value, x.StandardError)
				}
			}
		}
	})
}
