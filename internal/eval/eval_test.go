package eval

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/task"
)

// newEngine returns an engine of the puppet.
func newEngine(t *testing.T, sequences int) *blitz.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	files, err := blitz.OpenFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m, err := files.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := blitz.NewEngine(m, &blitz.EngineOptions{Context: 512, Sequences: sequences})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(); m.Close() })
	return e
}

// rows are questions that the puppet answers by drawing, by thinking and always alike.
var rows = []string{
	`{"id": "dice", "prompt": "play dice", "answer": "^(red|green|blue)", "score": "regex"}`,
	`{"prompt": "play think", "answer": "It is nine."}`,
	`{"prompt": "play count", "answer": "one two three"}`,
	`{"prompt": "play dice", "answer": ["red", "teal"], "score": "regex"}`,
	`{"prompt": "play ponder", "answer": "never"}`,
	`{"prompt": "play dice", "answer": "runs$", "score": "regex"}`,
}

// newQuestioner returns one that asks the rows, and the header of its log.
func newQuestioner(t *testing.T, e *blitz.Engine, samples int) (*Questioner, *Header) {
	t.Helper()
	q := &Questioner{Engine: e, Sampling: blitz.Sampling{Temperature: 1}, Chat: true, Settings: Settings{Samples: samples, Seed: 3, Temperature: 1, MaxTokens: 20, Context: 512, Cache: "f32"}}
	for _, row := range rows {
		p, err := task.ParseQuestion([]byte(row), task.Exact)
		if err != nil {
			t.Fatal(err)
		}
		q.Problems = append(q.Problems, Problem{p.ID, p})
	}
	return q, &Header{Model: "puppet", Root: "root", Suite: "data", Name: "rows", Source: "here", Parts: len(rows), Settings: q.Settings}
}

// runTo answers everything into a file, or goes on with it, and returns its bytes.
func runTo(t *testing.T, q *Questioner, h *Header, path string) []byte {
	t.Helper()
	l, err := Open[Answers](path, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(q.Run(t.Context(), l, func() {}), l.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestResume cuts results at many bytes, as a killed process leaves them: what goes on is the
// same file. It is the same with one answer at a time, too.
func TestResume(t *testing.T) {
	q, h := newQuestioner(t, newEngine(t, 8), 5)
	dir := t.TempDir()
	whole := runTo(t, q, h, filepath.Join(dir, "whole.jsonl"))
	if n := bytes.Count(whole, []byte("\n")); n != len(rows)+1 {
		t.Fatalf("%d lines, want a header and %d", n, len(rows))
	}
	path := filepath.Join(dir, "cut.jsonl")
	for at := 0; at < len(whole); at += 1 + len(whole)/23 {
		if err := os.WriteFile(path, whole[:at], 0o644); err != nil {
			t.Fatal(err)
		}
		if got := runTo(t, q, h, path); !bytes.Equal(got, whole) {
			t.Fatalf("cut at byte %d of %d it goes on to another file:\n%s\nwant\n%s", at, len(whole), got, whole)
		}
	}
	alone, _ := newQuestioner(t, newEngine(t, 1), 5)
	if got := runTo(t, alone, h, filepath.Join(dir, "alone.jsonl")); !bytes.Equal(got, whole) {
		t.Errorf("one at a time:\n%s\nwant\n%s", got, whole)
	}
}

// TestInterrupt ends the context behind the second problem. What was done is kept.
func TestInterrupt(t *testing.T) {
	q, h := newQuestioner(t, newEngine(t, 8), 3)
	path := filepath.Join(t.TempDir(), "r.jsonl")
	l, err := Open[Answers](path, h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = q.Run(ctx, l, func() {
		if len(l.Parts) == 2 {
			cancel()
		}
	})
	if done := len(l.Parts); done < len(rows) && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v behind %d problems, want the context's", err, done)
	}
	if _, err := Open[Answers](path, h); err == nil {
		t.Error("a log that is open opens again")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if len(l.Parts) < len(rows) {
		if _, err := Read[Answers](path); !errors.Is(err, ErrPartial) {
			t.Errorf("reading it: error %v, want %v", err, ErrPartial)
		}
	}
	got := runTo(t, q, h, path)
	want := runTo(t, q, h, filepath.Join(t.TempDir(), "w.jsonl"))
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAnswers compares the verdicts with what the puppet is known to say.
func TestAnswers(t *testing.T) {
	q, h := newQuestioner(t, newEngine(t, 8), 4)
	l, err := Open[Answers]("", h)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Run(t.Context(), l, func() {}); err != nil {
		t.Fatal(err)
	}
	for i, a := range l.Parts {
		for j, text := range a.Texts {
			want, cut := false, false
			switch i {
			case 0:
				color, _, _ := strings.Cut(strings.TrimSpace(text), " ")
				want = color == "red" || color == "green" || color == "blue"
			case 1:
				want = text == "<think>Let me see.</think>It is nine."
				if !want {
					t.Errorf("the text is %q", text)
				}
			case 3:
				want = strings.Contains(text, "red") || strings.Contains(text, "teal")
			case 4:
				cut = true
				if a.Answers[j] != nil || a.Tokens[j] != 20 {
					t.Errorf("reasoning without an end has the answer %v, %d tokens, want none, 20", a.Answers[j], a.Tokens[j])
				}
			case 5:
				want = strings.HasSuffix(text, "runs")
			}
			if a.Correct[j] != want || a.Cut[j] != cut {
				t.Errorf("problem %d: %q is right: %v, cut: %v, want %v, %v", i, text, a.Correct[j], a.Cut[j], want, cut)
			}
		}
	}
	if l.Parts[0].ID != "dice" || l.Parts[1].ID != "" {
		t.Errorf("ids are %q and %q", l.Parts[0].ID, l.Parts[1].ID)
	}
}

// TestOtherLogs refuses files of something else, and leaves them as they are.
func TestOtherLogs(t *testing.T) {
	q, h := newQuestioner(t, newEngine(t, 8), 2)
	path := filepath.Join(t.TempDir(), "r.jsonl")
	good := string(runTo(t, q, h, path))
	first, rest, _ := strings.Cut(good, "\n")
	second, _, _ := strings.Cut(rest, "\n")
	for _, c := range []struct {
		text, want string
		is         error
	}{
		{strings.Replace(good, `"seed":"3"`, `"seed":"4"`, 1), `seed: "4" there, "3" here`, ErrOther},
		{strings.Replace(good, `"root":"root"`, `"root":"tree"`, 1), "root", ErrOther},
		{strings.Replace(good, `"max_tokens":20,`, ``, 1), "max_tokens: none there, 20 here", ErrOther},
		{strings.Replace(good, `"ctx"`, `"think":"on","ctx"`, 1), `think: "on" there, none here`, ErrOther},
		{strings.Replace(good, `"blitz_eval":1`, `"blitz_eval":2`, 1), "its form is 2", ErrLog},
		{"# Notes\n", "first line", ErrLog},
		{"notes", "line 1", ErrLog},
		{"{}\n", "first line", ErrLog},
		{first + "\n" + strings.Replace(second, `"problem":0`, `"problem":1`, 1) + "\n", "line 2", ErrLog},
		{first + "\n{}\n", "samples", ErrLog},
		{first + "\n[]\n", "line 2", ErrLog},
		{first + "\n" + strings.Replace(second, `"correct":[`, `"correct":[true,`, 1) + "\n", "want 2 samples", ErrLog},
		{good + second + "\n", "part 0, want 6 of 6", ErrLog},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open[Answers](path, h)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.60s…: error %v, want %q and %v", c.text, err, c.want, c.is)
		}
		if b, _ := os.ReadFile(path); string(b) != c.text {
			t.Errorf("%.60s…: the file was changed", c.text)
		}
	}
}

// TestText holds that every token of a text is scored once, with half a window before it at
// least, and that the bytes are those of the text.
func TestText(t *testing.T) {
	e := newEngine(t, 8)
	text := strings.Repeat("Zwölf Boxkämpfer ", 20)
	for _, ctx := range []int{4, 5, 32, 33, 100, 512} {
		x, err := NewText(e.Model().Tokenizer(), text, ctx)
		if err != nil {
			t.Fatal(err)
		}
		h := &Header{Suite: SuiteText, Source: "here", Parts: x.Windows(), Settings: Settings{Context: ctx, TextBytes: len(text)}}
		l, err := Open[Window]("", h)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Run(t.Context(), e, l, func() {}); err != nil {
			t.Fatal(err)
		}
		ids, _ := e.Model().Tokenizer().Encode(text, 0)
		tokens, bytes, bits := 0, 0, 0.0
		for i, w := range l.Parts {
			tokens, bytes, bits = tokens+w.Tokens, bytes+w.Bytes, bits+w.Bits
			if i > 0 && x.from[i] < ctx/2 {
				t.Errorf("ctx %d: window %d is scored from %d, want half of it before", ctx, i, x.from[i])
			}
		}
		// The first token of a model without BOS is not predicted.
		if tokens != len(ids)-1 || bytes != len(text)-1 {
			t.Errorf("ctx %d: %d tokens of %d bytes, want %d, %d", ctx, tokens, bytes, len(ids)-1, len(text)-1)
		}
		if ctx < len(ids) {
			continue
		}
		scores, err := e.Score(t.Context(), ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for _, s := range scores {
			want -= float64(s.Logprob) / math.Ln2
		}
		if math.Abs(bits-want) > 1e-9*want {
			t.Errorf("ctx %d: %v bits, want %v", ctx, bits, want)
		}
	}
	if _, err := NewText(e.Model().Tokenizer(), "a", 32); err == nil {
		t.Error("a text of one token is predicted")
	}
}

// TestReports compares figures with those computed by hand.
func TestReports(t *testing.T) {
	a, b := "a", "b"
	l := &Log[Answers]{Header: Header{Suite: "data", Parts: 2, Settings: Settings{Samples: 2}}, Parts: []Answers{
		{Problem: 0, Correct: []bool{true, false}, Formed: []bool{true, true}, Cut: []bool{false, false}, Tokens: []int{3, 5}, Answers: []*string{&a, &b}, Texts: []string{"", ""}},
		{Problem: 1, Correct: []bool{false, false}, Formed: []bool{false, true}, Cut: []bool{true, false}, Tokens: []int{9, 1}, Answers: []*string{nil, &b}, Texts: []string{"", ""}},
	}}
	r, err := ReportAnswers(l, Ks{})
	if err != nil {
		t.Fatal(err)
	}
	compareMetrics(t, r, []Metric{
		{"pass@1", score(0.25, 0.25)}, {"pass@2", score(0.5, 0.5)}, {"maj@2", score(0.5, 0.5)}, {"formed", score(0.75, 0.25)}, {"cut", score(0.25, 0.25)}, {"tokens", score(4.5, 0.5)},
	})
	if _, err := ReportAnswers(l, Ks{Pass: []int{3}}); err == nil {
		t.Error("pass@3 of two samples is reported")
	}
	l.Parts = l.Parts[:1]
	if _, err := ReportAnswers(l, Ks{}); !errors.Is(err, ErrPartial) {
		t.Errorf("error %v, want %v", err, ErrPartial)
	}
	w := &Log[Window]{Header: Header{Suite: SuiteText, Parts: 2}, Parts: []Window{{0, 4, 10, 20}, {1, 4, 10, 30}}}
	r, err = ReportText(w)
	if err != nil {
		t.Fatal(err)
	}
	// a - R b is ∓5: sqrt(2/1 · 50) / 20 a byte, / 8 a token.
	compareMetrics(t, r, []Metric{
		{"bits_per_byte", score(2.5, 0.5)},
		{"bits_per_token", score(6.25, 1.25)},
		{"perplexity", score(math.Exp2(6.25), math.Exp2(6.25)*1.25*math.Ln2)},
		{"tokens", task.Score{Value: 8}},
		{"bytes", task.Score{Value: 20}},
	})
}

func score(v, e float64) task.Score { return task.Score{Value: v, StandardError: &e} }

func compareMetrics(t *testing.T, r *Report, want []Metric) {
	t.Helper()
	if len(r.Metrics) != len(want) {
		t.Fatalf("%d metrics, want %d", len(r.Metrics), len(want))
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(b) }
	for i, w := range want {
		g := r.Metrics[i]
		same := g.Name == w.Name && near(g.Value, w.Value) && (g.StandardError == nil) == (w.StandardError == nil)
		if !same || w.StandardError != nil && !near(*g.StandardError, *w.StandardError) {
			t.Errorf("metric %d is %s %v, want %s %v", i, g.Name, g.Score, w.Name, w.Score)
		}
	}
}

// TestCompare pairs problems: what both find hard does not widen the interval.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, h Header, right ...[]bool) string {
		path := filepath.Join(dir, name)
		l, err := Open[Answers](path, &h)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range right {
			n := len(c)
			if err := l.Add(Answers{Problem: i, Correct: c, Formed: make([]bool, n), Cut: make([]bool, n), Tokens: make([]int, n), Answers: make([]*string, n), Texts: make([]string, n)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	h := Header{Model: "m", Suite: "data", Source: "s", Parts: 3, Settings: Settings{Samples: 2}}
	yes, half, no := []bool{true, true}, []bool{false, true}, []bool{false, false}
	a := write("a", h, yes, half, no)
	h.Root, h.Settings.Seed = "other", 9
	b := write("b", h, yes, yes, half)
	c, err := Compare(a, b, Ks{Pass: []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	d := c.Differences[0]
	if d.Metric != "pass@1" || d.A != 0.5 || math.Abs(d.B-2.5/3) > 1e-15 || math.Abs(d.Change.Value-1./3) > 1e-15 || math.Abs(*d.Change.StandardError-1./6) > 1e-15 || d.Higher != 2 || d.Lower != 0 {
		t.Errorf("got %+v ± %v", d, *d.Change.StandardError)
	}
	h.Settings.Samples = 1
	c, err = Compare(a, write("one", h, yes[:1], yes[:1], no[:1]), Ks{}) // no votes, as one has none
	if err != nil || len(c.Differences) != 4 {
		t.Errorf("error %v, %+v, want pass@1, formed, cut and tokens", err, c)
	}
	h.Settings.Samples = 2
	h.Source = "t"
	if _, err := Compare(a, write("c", h, yes, yes, half), Ks{}); !errors.Is(err, ErrOther) {
		t.Errorf("other problems: error %v, want %v", err, ErrOther)
	}
	h.Source = "s"
	if _, err := Compare(a, write("d", h, yes), Ks{}); !errors.Is(err, ErrPartial) {
		t.Errorf("a part: error %v, want %v", err, ErrPartial)
	}
	if _, err := Compare(a, filepath.Join(dir, "none"), Ks{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}

// TestCompareTexts pairs windows, and refuses those of other tokenizers.
func TestCompareTexts(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, windows ...Window) string {
		path := filepath.Join(dir, name)
		l, err := Open[Window](path, &Header{Model: name, Suite: SuiteText, Source: "s", Parts: len(windows)})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range windows {
			if err := l.Add(w); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := write("a", Window{0, 4, 10, 20}, Window{1, 4, 10, 30})
	c, err := Compare(a, write("b", Window{0, 4, 10, 18}, Window{1, 4, 10, 26}), Ks{})
	if err != nil {
		t.Fatal(err)
	}
	// B is below by 2 and 4 bits: 0.3 a byte, a - R b ±1: sqrt(2/1 · 2) / 20.
	if d := c.Differences[0]; d.A != 2.5 || d.B != 2.2 || math.Abs(d.Change.Value+0.3) > 1e-15 || math.Abs(*d.Change.StandardError-0.1) > 1e-15 || d.Lower != 2 || d.Higher != 0 {
		t.Errorf("got %+v ± %v", d, *d.Change.StandardError)
	}
	if _, err := Compare(a, write("c", Window{0, 4, 9, 18}, Window{1, 4, 11, 26}), Ks{}); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), "tokenizers") {
		t.Errorf("other tokens: error %v", err)
	}
}

// FuzzLog never panics, and what is read is a beginning of what is written.
func FuzzLog(f *testing.F) {
	f.Add([]byte(`{"blitz_eval":1,"suite":"text","parts":2,"settings":{}}` + "\n" + `{"window":0,"tokens":4,"bytes":10,"bits":20}` + "\n{"))
	f.Add([]byte(`{"blitz_eval":1,"suite":"data","parts":2,"settings":{"samples":1}}` + "\n" + `{"problem":0,"correct":[true],"formed":[true],"cut":[true],"tokens":[1],"answers":[null],"texts":["a"]}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var answers []Answers
		h, end, err := readLog(bytes.NewReader(text), &answers)
		check(t, text, h, end, len(answers), err)
		var windows []Window
		h, end, err = readLog(bytes.NewReader(text), &windows)
		check(t, text, h, end, len(windows), err)
	})
}

func check(t *testing.T, text []byte, h *Header, end int64, parts int, err error) {
	if err != nil {
		return
	}
	if end > int64(len(text)) || end > 0 && text[end-1] != '\n' || (h == nil) != (end == 0) || h != nil && parts > h.Parts {
		t.Errorf("%q: header %v, %d parts, end %d", text, h, parts, end)
	}
}
