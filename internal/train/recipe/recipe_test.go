package recipe

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// numbersOf returns the numbers of a problem.
func numbersOf(t *testing.T, p task.Problem) (list []int64) {
	t.Helper()
	text := p.Short()
	if _, ok := p.(*task.Countdown); ok {
		text, _, _ = strings.Cut(text, " = ")
	}
	n, in := int64(0), false
	for _, c := range text + " " {
		if c >= '0' && c <= '9' {
			n, in = 10*n+int64(c-'0'), true
		} else if in {
			list, n, in = append(list, n), 0, false
		}
	}
	if len(list) != perProblem {
		t.Fatalf("%q has the numbers %v", p.Short(), list)
	}
	return list
}

// TestCorpus reads many examples: what reasons is right, what guesses is wrong in its share,
// nothing is held out, and languages are mixed.
func TestCorpus(t *testing.T) {
	s := Usual(1)
	c := s.Corpus
	texts, reasoned, guessed, wrong, longest, mixed, foreignOnly := 0, 0, 0, 0, 0, 0, 0
	err := c.read(&s.Problems, 5, 300_000, func(x *Example) error {
		ids, err := vocabulary.Encode(nil, x.Prompt+x.Completion)
		if err != nil {
			return err
		}
		if text, _ := vocabulary.Decode(ids); text != x.Prompt+x.Completion {
			t.Fatalf("%q is decoded as %q", x.Prompt+x.Completion, text)
		}
		longest = max(longest, len(ids))
		question, ok := strings.CutSuffix(x.Prompt, "\n<think>")
		if !ok {
			texts++
			return nil
		}
		p := problemOf(t, question)
		if task.HeldOut(numbersOf(t, p)) {
			t.Fatalf("%s is held out", question)
		}
		text, ok := strings.CutSuffix(x.Completion, "<end>")
		if !ok {
			t.Fatalf("%q has no end", x.Completion)
		}
		v := task.Judge(p, text)
		if before := reasoning(text); before != "" {
			reasoned++
			if !v.Correct {
				t.Errorf("%s: reasoning is wrong: %q", question, text)
			}
			latin, other := strings.Contains(before, "no") || strings.Contains(before, "ok"), strings.ContainsAny(before, foreign)
			if latin && other {
				mixed++
			} else if other {
				foreignOnly++
			}
			if readable(text, false) != (latin && !other) {
				t.Errorf("%q is said to be readable: %v", text, readable(text, false))
			}
			return nil
		}
		guessed++
		if !v.Format {
			t.Errorf("%s: %q has no form", question, text)
		}
		if !v.Correct {
			wrong++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		if got < want-0.03 || got > want+0.03 {
			t.Errorf("%s: %.3f, want %.3f", what, got, want)
		}
	}
	near("the share that reasons", float64(reasoned)/float64(reasoned+guessed), c.Traces)
	near("the share of wrong guesses", float64(wrong)/float64(guessed), c.Wrong)
	if longest > s.Context || texts == 0 || mixed < reasoned/10 || foreignOnly < reasoned/10 {
		t.Errorf("the longest has %d tokens of %d; %d lines, of %d that reason %d in both languages, %d in the other", longest, s.Context, texts, reasoned, mixed, foreignOnly)
	}
}

// problemOf returns the problem of a question.
func problemOf(t *testing.T, question string) task.Problem {
	t.Helper()
	line := `{"expression": "` + question + `"}`
	kind := "arithmetic"
	if numbers, target, ok := strings.Cut(question, " = "); ok {
		kind, line = "countdown", `{"numbers": [`+strings.ReplaceAll(numbers, " ", ",")+`], "target": `+target+`}`
	}
	p, err := task.ParseProblem(kind, []byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProblems draws what is asked in measurements.
func TestProblems(t *testing.T) {
	p := &Usual(1).Problems
	s := newSource(p, "test", 1, 1)
	for range 200 {
		if n := numbersOf(t, s.problem(heldOut, 0.5)); !task.HeldOut(n) {
			t.Errorf("%v is not held out", n)
		}
		x := s.problem(newRange, 0)
		if n := numbersOf(t, x); slices.Min(n) < 31 || slices.Max(n) > 50 {
			t.Errorf("%v is not of the new range", n)
		}
		if ids, err := vocabulary.Encode(nil, prompt(x)); err != nil || len(ids) > p.longestPrompt() {
			t.Errorf("%q has %d tokens, want at most %d, error %v", prompt(x), len(ids), p.longestPrompt(), err)
		}
	}
}

// TestReadable looks at answers that can be read, and at such that cannot.
func TestReadable(t *testing.T) {
	for text, want := range map[string]bool{
		"3+4=7 5 10:+12 no\n3*4=12 5 17:+17 ok</think><answer>1</answer>": true,
		"3+4=7 5 10:+12 не\n3*4=12 5 17:+17 ok</think><answer>1</answer>": false,
		"3+4=7 5 10:+12 no\n3+4=7 5 10:+12 no\nok</think>":                false,
		"</think><answer>1</answer>":                                      false,
	} {
		if got := readable(text, false); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
		if readable(text, true) {
			t.Errorf("%q is cut and readable", text)
		}
	}
	p := problemOf(t, "3 4 5 = 17")
	for text, want := range map[string]float64{
		" no ok</think><answer>(3*4)+5</answer>": 1.2,
		" no да</think><answer>(3*4)+5</answer>": 1.1,
		" не да</think><answer>(3*4)-5</answer>": 0,
		" no ok</think><answer>(3*4)-5</answer>": 0.2,
		"</think><answer>(3*4)+5</answer>":       1,
	} {
		if v := judge(0.2)(p, text); v.Reward != want || v.Correct != (want >= 1) {
			t.Errorf("%q: got %+v, want %g", text, v, want)
		}
	}
}

// tiny are settings of a run of seconds: numbers up to 4, models of a few thousand parameters.
func tiny() *Settings {
	s := Usual(3)
	s.Context = 224
	s.Problems = Problems{Top: 3, LeastTarget: 1, MostTarget: 18, MostStep: 18, NewLeast: 4, NewTop: 6}
	s.Corpus = Corpus{Lines: 0.1, Arithmetic: 0.3, Traces: 0.2, Long: 0.1, Wrong: 0.3, Mixed: 0.5}
	s.Teacher = Teacher{Hidden: 32, Inner: 48, ExpertInner: 16, Layers: 2, Heads: 2, Latent: 16, NoPE: 8, RoPE: 8, Value: 8, Experts: 4, Chosen: 2}
	s.Student = Student{Hidden: 32, Inner: 48, Layers: 2, Heads: 2}
	for _, x := range []*Supervised{&s.Base, &s.StudentBase} {
		x.Steps, x.Tokens, x.LearningRate, x.LeastRate, x.Warmup, x.SaveEvery = 60, 512, 1e-2, 1e-3, 5, 30
	}
	for _, x := range []*Reinforced{&s.Zero, &s.Reasoning, &s.AllTasks, &s.Control} {
		x.Steps, x.Problems, x.Answers, x.MaxTokens, x.List, x.SaveEvery = 2, 8, 4, 40, 64, 1
	}
	s.Control.Steps = 1000 // which the budget ends
	for _, x := range []*Tuned{&s.ColdStart, &s.Rejection, &s.Distillation, &s.SFTOnly} {
		x.Problems, x.Answers, x.MaxTokens, x.PerProblem, x.Readable = 72, 4, 40, 2, false
		x.Training.Epochs, x.Training.Tokens, x.Training.SaveEvery = 1, 512, 2
	}
	s.Evaluation = Evaluation{Problems: 16, Sampled: 4, Answers: 4}
	return s
}

// files returns what a run made that has no times in it.
func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch name := d.Name(); name {
		case "metrics.jsonl", "report.html", "lock", "events.out.tfevents.0000000000.blitz":
			return nil
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(folder, path)
		all[rel] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same holds one run to another.
func same(t *testing.T, what string, got, want map[string][]byte) {
	t.Helper()
	for name, b := range want {
		if !bytes.Equal(got[name], b) {
			t.Errorf("%s: %s: %d other bytes than %d", what, name, len(got[name]), len(b))
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s: %s is there", what, name)
		}
	}
}

func newRun(folder string, threads int) *Run {
	return &Run{Settings: tiny(), Folder: folder, Threads: threads, Watch: func(string, any) {}, Now: time.Now}
}

// TestRun runs all stages in small, and reads what comes of it. The folder is copied whenever the
// run has said something some times, as if it were killed there; each copy goes on to the same
// bits, and so does a run with another number of threads.
func TestRun(t *testing.T) {
	folder, copies := filepath.Join(t.TempDir(), "run"), t.TempDir()
	r := newRun(folder, 2)
	said, stages := 0, map[string]bool{}
	r.Watch = func(stage string, v any) {
		stages[stage] = true
		if m, ok := v.(*grpo.Metric); ok && m.LogPDiff != 0 {
			t.Errorf("%s: log-probabilities of rollout and trainer differ by %g", stage, m.LogPDiff)
		}
		if said++; said%43 != 0 {
			return
		}
		if err := os.CopyFS(filepath.Join(copies, strconv.Itoa(said)), os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Go(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := files(t, folder)
	if len(stages) != len(r.stages()) {
		t.Errorf("stages %v", stages)
	}
	checkRun(t, r)
	list, err := filepath.Glob(filepath.Join(copies, "*"))
	if err != nil || len(list) < 4 {
		t.Fatalf("%d copies of a run that said %d things, error %v", len(list), said, err)
	}
	if testing.Short() {
		list = list[1:3]
	}
	for _, at := range list {
		if err := os.WriteFile(filepath.Join(at, "stages.md.0.partial"), nil, 0o666); err != nil { // half written
			t.Fatal(err)
		}
		if err := newRun(at, 1).Go(t.Context()); err != nil {
			t.Fatalf("%s: %v", filepath.Base(at), err)
		}
		same(t, "killed when it had said "+filepath.Base(at), files(t, at), want)
	}
	checkRepeat(t, folder)
	older := bytes.Replace(want["run.toml"], []byte("[settled]\n  steps = 5\n"), nil, 1) // as it was written before there were last steps
	if len(older) == len(want["run.toml"]) {
		t.Fatalf("run.toml is %s", older)
	}
	if err := os.WriteFile(filepath.Join(folder, "run.toml"), older, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := newRun(folder, 2).Go(t.Context()); err != nil {
		t.Errorf("settings without a key that has a default: %v", err)
	}
	other := newRun(folder, 2)
	other.Settings.Zero.Steps++
	if err := other.Go(t.Context()); !errors.Is(err, train.ErrSettings) {
		t.Errorf("other settings: got %v, want ErrSettings", err)
	}
}

// checkRepeat takes the last steps of a run again, of what it wrote down for that: the model has
// the same bits. Of other examples it has others.
func checkRepeat(t *testing.T, folder string) {
	t.Helper()
	state, to := filepath.Join(folder, StateName), t.TempDir()
	repeat := func() map[string][]byte {
		if err := newRun(t.TempDir(), 1).Repeat(t.Context(), state, to); err != nil {
			t.Fatal(err)
		}
		return files(t, to)
	}
	want := files(t, filepath.Join(folder, ExportName))
	same(t, "repeated", repeat(), want)
	path := filepath.Join(state, examplesName)
	examples, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(examples, []byte("\n"))
	if err := os.WriteFile(path, rest, 0o666); err != nil {
		t.Fatal(err)
	}
	const weights = "model.safetensors"
	if got := repeat(); bytes.Equal(got[weights], want[weights]) {
		t.Error("other examples give the same weights")
	}
	if err := os.WriteFile(path, examples, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestContext refuses a context that the corpus does not fit.
func TestContext(t *testing.T) {
	r := newRun(filepath.Join(t.TempDir(), "run"), 1)
	r.Settings.Context = 100
	if err := r.Go(t.Context()); !errors.Is(err, train.ErrSettings) || !strings.Contains(err.Error(), "context is 100") {
		t.Errorf("got %v, want ErrSettings and the context", err)
	}
}

// checkRun reads what a run made.
func checkRun(t *testing.T, r *Run) {
	t.Helper()
	list, err := r.Scores()
	if err != nil || len(list) != len(r.stages()) {
		t.Fatalf("%d stages have scores, error %v", len(list), err)
	}
	of := map[string]*Score{}
	for _, x := range list {
		of[x.Stage] = x
		if x.Passes <= 0 || x.MultiplyAdds < x.Passes || x.Greedy.StandardError == nil || x.PassK.Value < x.Pass1.Value {
			t.Errorf("%+v", x)
		}
	}
	// What is compared took about as much as what it is compared with: a rollout, or a step, more.
	near := func(what string, got, want, step int64) {
		if got < want-step || got > want+step {
			t.Errorf("%s took %d multiply-adds, want %d within %d", what, got, want, step)
		}
	}
	x := r.Settings
	student, base := of["09-control"], of["10-sft-only"]
	near("the control", student.MultiplyAdds, of[distilled].MultiplyAdds, 4*int64(student.Active)*int64((1+x.Control.Refill)*x.Control.Problems*x.Control.Answers*x.Context))
	sum := int64(0)
	for _, s := range []string{"02-zero", "03-cold-start", "04-reasoning", "05-rejection", "06-all-tasks"} {
		sum += of[s].MultiplyAdds
	}
	near("supervised learning alone", base.MultiplyAdds, sum, sum/5)
	table, err := os.ReadFile(filepath.Join(r.Folder, markdownName))
	if err != nil || string(table) != Markdown(list) || strings.Count(string(table), "\n| 0") != 10 {
		t.Errorf("the table is %q, error %v", table, err)
	}
	text, err := os.ReadFile(filepath.Join(r.Folder, "run.toml"))
	s := new(Settings)
	if err == nil {
		err = s.Parse("run.toml", text)
	}
	if err != nil || *s != *r.Settings {
		t.Errorf("run.toml has %+v, error %v", s, err)
	}
	checkProblems(t, r)
	files, err := checkpoint.Open(filepath.Join(r.Folder, ExportName))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	k, err := files.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	const question = "3 5 7 = 22\n<think>3+5=8 7 22:+15 no\n"
	ids, err := k.Encode(question, 0)
	mine, _ := vocabulary.Encode(nil, question)
	if err != nil || !slices.Equal(ids, mine) {
		t.Errorf("the tokens are %v, error %v, want %v", ids, err, mine)
	}
}

// checkProblems wants nothing held out among what stages learned of.
func checkProblems(t *testing.T, r *Run) {
	t.Helper()
	n := 0
	for _, s := range r.stages() {
		text, err := os.ReadFile(filepath.Join(r.folder(s), problemsName))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		list, err := grpo.ParseList(problemsName, text, task.Exact)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			n++
			if task.HeldOut(numbersOf(t, p)) {
				t.Errorf("%s: %s is held out", s.name, p.Short())
			}
		}
	}
	if n < 500 {
		t.Errorf("%d problems", n)
	}
}

// TestRefusedSettings wants the setting named.
func TestRefusedSettings(t *testing.T) {
	for want, text := range map[string]string{
		"wide": "wide = 1", "corpus.long": "[corpus]\nlong = 1.5", "context": "context = 10", "answers": "[zero]\nanswers = 1", "toml": "[",
		"cold-start.per-problem": "[cold-start]\nper-problem = 100", "experts-per-token": "[teacher]\nexperts-per-token = 9", "schedule.lr": "[base]\nlearning-rate = -1.0",
		"control.list": "[control]\nlist = 1", "settled.steps": "[settled]\nsteps = 0", "new-least": "[problems]\nnew-least = 5",
	} {
		s := Usual(1)
		err := s.Parse("a.toml", []byte(text))
		if err == nil {
			err = s.Check()
		}
		if !errors.Is(err, train.ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want ErrSettings and %s", text, err, want)
		}
	}
}

// TestUsual counts the parameters of the recipe's models.
func TestUsual(t *testing.T) {
	s := Usual(1)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	r := &Run{Settings: s, Folder: t.TempDir(), Threads: 1, Watch: func(string, any) {}, Now: time.Now}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		shape       string
		module      bool
		least, most int
	}{{teacherName, true, 6_500_000, 6_700_000}, {teacherName, false, 5_600_000, 5_800_000}, {studentName, false, 1_300_000, 1_400_000}} {
		m, err := r.open(t.Context(), filepath.Join(r.Folder, x.shape), x.module)
		if err != nil {
			t.Fatal(err)
		}
		if n := m.size.All; n < x.least || n > x.most {
			t.Errorf("%s has %d parameters, %d of them active, want %d to %d", x.shape, n, m.size.Active, x.least, x.most)
		}
		m.close()
	}
	if err := r.narrow(t.Context(), filepath.Join(r.Folder, studentName), filepath.Join(r.Folder, ExportName)); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, b := range files(t, filepath.Join(r.Folder, ExportName)) {
		size += len(b)
	}
	if size > 3e6 {
		t.Errorf("the student takes %d bytes in bfloat16, want 3 MB at most", size)
	}
	const path = "../../../docs/recipe.toml"
	text, err := s.TOML()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := os.ReadFile(path); err != nil || string(there) != string(text) {
		t.Errorf("%s is not what is usual (go test ./internal/train/recipe -run TestUsual -update), error %v", path, err)
	}
}

var update = flag.Bool("update", false, "write docs/recipe.toml anew")

// TestHostile changes what a run reads of its folder: it is refused by name, never believed.
func TestHostile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.jsonl")
	for text, want := range map[string]string{
		"{": "x.jsonl:1", `{"prompt": "1", "completion": ""}`: "more than those 1", `{"prompt": "ä", "completion": "1"}`: "vocabulary",
		`{"prompt": "1", "completion": "2", "learned": [[0, 9]]}`: "learned", `{"prompt": "1", "completion": "2", "learned": [[-1, 1]]}`: "learned",
		`{"prompt": "1", "completion": "` + strings.Repeat("1", 200) + `"}`: "at most 100",
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readExamples(path, 100); !errors.Is(err, train.ErrState) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want ErrState and %s", text, err, want)
		}
	}
	for _, text := range []string{"{}", "[", `{"stage": "x", "active_parameters": 0}`, `{"active_parameters": 5, "more": 1}`} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readScore(path); !errors.Is(err, train.ErrState) {
			t.Errorf("%q: got %v, want ErrState", text, err)
		}
	}
}

// TestAnswers opens files of answers that were stopped within a line, and within the answers to
// a problem.
func TestAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), answersName)
	whole := strings.Repeat("{}\n", 2*gatherProblems)
	for text, want := range map[string]int{"": 0, "{}\n{": 0, whole: gatherProblems, whole + "{}\n": gatherProblems, whole + whole + "{": 2 * gatherProblems} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		f, problems, err := openAnswers(path, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || problems != want || info.Size() != int64(3*2*want) {
			t.Errorf("%d bytes: %d problems and %d bytes, error %v, want %d", len(text), problems, info.Size(), err, want)
		}
	}
}

// TestSeeds joins the scores of two runs.
func TestSeeds(t *testing.T) {
	run := func(v float64) []*Score {
		return []*Score{{Stage: "01-base", Title: "base", K: 4, Greedy: task.Score{Value: v}}, {Stage: "02-zero", Title: "zero", K: 4, Greedy: task.Score{Value: 2 * v}}}
	}
	list := OverSeeds([][]*Score{run(0.2), run(0.4), run(0.3)[:1]})
	if len(list) != 2 || list[0].Seeds != 3 || list[1].Seeds != 2 || list[1].Greedy.Value < 0.59 || list[1].Greedy.Value > 0.61 || *list[0].Greedy.StandardError < 0.05 {
		t.Errorf("%+v", list)
	}
	if text := MarkdownSeeds(list); !strings.Contains(text, "| 02: zero | 2 | 60.0 ± 20.0 |") {
		t.Error(text)
	}
}

// TestPreflight computes what a small run takes, before there is anything of it.
func TestPreflight(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	r := newRun(folder, 1)
	p, err := r.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*Pace{&p.Teacher, &p.Student} {
		// Gradients and both means of AdamW take 12 bytes a parameter, and there is more.
		if x.Memory < 12*int64(x.Parameters) || x.Active < 1 || x.Active > x.Parameters || x.Read <= 0 || x.Learned <= 0 || x.Drawn <= 0 {
			t.Errorf("%+v", x)
		}
	}
	sum := time.Duration(0)
	for i, s := range p.Stages {
		sum += s.Time
		if s.Stage != r.stages()[i].name || s.Time <= 0 {
			t.Errorf("%+v", s)
		}
	}
	if len(p.Stages) != len(r.stages()) || sum != p.Total {
		t.Errorf("%d stages take %v, in all %v", len(p.Stages), sum, p.Total)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder is there")
	}
}

// TestRoom refuses a model whose weights have no room, before there is memory for them.
func TestRoom(t *testing.T) {
	r := &Run{Settings: Usual(1), Folder: t.TempDir(), Threads: 1, MemoryLimit: 1 << 20, Watch: func(string, any) {}, Now: time.Now}
	if _, err := r.Preflight(t.Context()); !errors.Is(err, model.ErrNoRoom) {
		t.Errorf("got %v, want model.ErrNoRoom", err)
	}
}
