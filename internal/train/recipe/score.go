package recipe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// scoreName is what a stage's model is like; it stands there once the stage is done.
const scoreName = "score.json"

// Score is what a model is like behind a stage, on problems that were never trained on. Every
// mean is over problems, with its standard error.
type Score struct {
	Stage string `json:"stage"`
	Title string `json:"title"`
	size
	Problems int `json:"problems"` // of each set
	Sampled  int `json:"sampled"`  // of Countdown
	K        int `json:"k"`        // answers to each of those, at temperature 1

	Greedy     task.Score `json:"greedy"`     // Countdown with held-out multisets, the likeliest tokens
	Length     task.Score `json:"length"`     // tokens of those answers
	Readable   task.Score `json:"readable"`   // share of the words in the wanted language, of those that reason
	Reasons    task.Score `json:"reasons"`    // the share that reasons
	NewRange   task.Score `json:"new_range"`  // Countdown with larger numbers, the likeliest tokens
	Arithmetic task.Score `json:"arithmetic"` // with held-out multisets, the likeliest tokens
	Pass1      task.Score `json:"pass_1"`
	PassK      task.Score `json:"pass_k"`
	MajorityK  task.Score `json:"maj_k"`

	Passes       int64 `json:"token_passes"`       // through the model: one where a token is drawn, three where it is learned
	MultiplyAdds int64 `json:"multiply_adds"`      // active parameters times passes, of this model and of one that answered for it
	Answers      int   `json:"answers,omitempty"`  // that were gathered to be learned of
	Examples     int   `json:"examples,omitempty"` // of them, those that are learned of
}

// maxScore bounds a file of scores, in bytes.
const maxScore = 1 << 20

func readScore(path string) (*Score, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxScore {
		err = fmt.Errorf("%s: %d bytes, want at most %d: %w", path, info.Size(), maxScore, train.ErrState)
	}
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	x := new(Score)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(x); err != nil || x.Active < 1 || x.MultiplyAdds < 0 {
		return nil, fmt.Errorf("%s: is not as it was written: %w", path, train.ErrState)
	}
	return x, nil
}

// measure asks the model of a stage.
func (r *Run) measure(ctx context.Context, s *stage) (*Score, error) {
	m, err := r.open(ctx, r.folder(s), false)
	if err != nil {
		return nil, err
	}
	defer m.close()
	e := &r.Settings.Evaluation
	if err := m.answer(r, max(e.Problems, e.Sampled*e.Answers)); err != nil {
		return nil, err
	}
	x := &Score{Stage: s.name, Title: s.title, size: m.size, Problems: e.Problems, Sampled: e.Sampled, K: e.Answers}
	asked := func(k kind, arithmetic float64, purpose string) (list []task.Problem) {
		source := newSource(&r.Settings.Problems, "test "+purpose, 0, 0) // the same ones whatever the seed
		for range e.Problems {
			list = append(list, source.problem(k, arithmetic))
		}
		return list
	}
	d := &grpo.Drawing{Answers: 1, MaxTokens: r.Settings.Context - r.Settings.Problems.longestPrompt(), Temperature: 0, Judge: task.Judge, Decode: vocabulary.Decode}
	held := asked(heldOut, 0, "countdown")
	var rounds []*grpo.Round
	for _, list := range [][]task.Problem{held, asked(newRange, 0, "new range"), asked(heldOut, 1, "arithmetic")} {
		round, err := r.draw(ctx, m, "greedy", list, 0, d)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, round)
	}
	x.Greedy, x.NewRange, x.Arithmetic = task.Mean(right(rounds[0])), task.Mean(right(rounds[1])), task.Mean(right(rounds[2]))
	x.texts(rounds[0])
	d.Answers, d.Temperature = e.Answers, 1
	sampled, err := r.draw(ctx, m, "sampled", held[:e.Sampled], 0, d)
	if err != nil {
		return nil, err
	}
	if err := x.sampled(sampled); err != nil {
		return nil, err
	}
	if err := r.keep(s, append(rounds, sampled)); err != nil {
		return nil, err
	}
	return x, r.cost(s, x)
}

// right returns 1 for each problem whose first answer is right.
func right(round *grpo.Round) []float64 {
	list := make([]float64, len(round.Groups))
	for i := range list {
		if round.Groups[i].Correct[0] {
			list[i] = 1
		}
	}
	return list
}

// texts measures the answers themselves.
func (x *Score) texts(round *grpo.Round) {
	var lengths, shares, reasons []float64
	for i, texts := range round.Texts {
		lengths = append(lengths, float64(len(round.Groups[i].Answers[0].IDs)))
		of, words := reward.LanguageShare(wanted, reasoning(texts[0]))
		thinks := 0.0
		if words > 0 {
			thinks = 1
			shares = append(shares, of)
		}
		reasons = append(reasons, thinks)
	}
	x.Length, x.Reasons = task.Mean(lengths), task.Mean(reasons)
	if len(shares) > 0 {
		x.Readable = task.Mean(shares)
	}
}

// sampled scores several answers to each problem.
func (x *Score) sampled(round *grpo.Round) error {
	var list []task.Samples
	for i, g := range round.Groups {
		s := task.Samples{N: len(g.Answers), Correct: g.Correct}
		for k, ok := range g.Correct {
			if ok {
				s.C++
			}
			s.Answers = append(s.Answers, task.Judge(round.Problems[i].Problem, round.Texts[i][k]).Answer)
		}
		list = append(list, s)
	}
	for _, y := range []struct {
		to *task.Score
		of func(k int, list []task.Samples) ([]float64, error)
		k  int
	}{{&x.Pass1, task.PassAt, 1}, {&x.PassK, task.PassAt, x.K}, {&x.MajorityK, task.MajorityAt, x.K}} {
		values, err := y.of(y.k, list)
		if err != nil {
			return err
		}
		*y.to = task.Mean(values)
	}
	return nil
}

// keep writes down all answers of a measurement.
func (r *Run) keep(s *stage, rounds []*grpo.Round) error {
	var b bytes.Buffer
	out := course.Lines(&b)
	for k, name := range []string{"held out", "new range", "arithmetic", "held out, at temperature 1"} {
		for i, p := range rounds[k].Problems {
			for j, text := range rounds[k].Texts[i] {
				if err := out.Encode(struct {
					Set        string `json:"set"`
					Problem    string `json:"problem"`
					Completion string `json:"completion"`
					Correct    bool   `json:"correct"`
				}{name, p.Short(), text, rounds[k].Groups[i].Correct[j]}); err != nil {
					return err
				}
			}
		}
	}
	return newfile.Write(filepath.Join(r.folder(s), "evaluation.jsonl"), b.Bytes())
}

// cost counts what a stage took.
func (r *Run) cost(s *stage, x *Score) error {
	own, other, err := s.passes(s)
	if err != nil {
		return err
	}
	x.Passes, x.MultiplyAdds = own, own*int64(x.Active)
	if s.other == "" {
		return nil
	}
	of, err := r.scoreOf(s.other)
	if err != nil {
		return err
	}
	x.MultiplyAdds += other * int64(of.Active)
	if _, err = readLines(filepath.Join(r.folder(s), answersName), func(*Answer) error { x.Answers++; return nil }); err != nil {
		return err
	}
	_, err = readLines(filepath.Join(r.folder(s), examplesName), func(*Example) error { x.Examples++; return nil })
	return err
}

// trainedPasses is passes of a stage that learned examples.
func (r *Run) trainedPasses(s *stage) (own, other int64, err error) {
	if _, err := readLines(filepath.Join(r.folder(s), metricsName), func(m *course.Metric) error {
		own += 3 * int64(m.Tokens)
		return nil
	}); err != nil {
		return 0, 0, err
	}
	other, err = r.drawn(s)
	return own, other, err
}

// reinforcedPasses is passes of a stage that learned of its own answers.
func (r *Run) reinforcedPasses(s *stage) (own, other int64, err error) {
	_, err = readLines(filepath.Join(r.folder(s), metricsName), func(m *grpo.Metric) error {
		own += m.Passes()
		return nil
	})
	return own, 0, err
}

// metricsName is a line a step, of both kinds of runs.
const metricsName = "metrics.jsonl"
