package demo

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/train"
)

// Settings are all there is to a run, as its run.toml has them.
type Settings struct {
	Seed     int64    `toml:"seed"`
	Baseline bool     `toml:"baseline"` // the base model also goes on with examples, for as many operations as GRPO takes
	Shape    Shape    `toml:"model"`
	Mix      Mix      `toml:"mix"`
	Pretrain Pretrain `toml:"pretraining"`
	GRPO     GRPO     `toml:"grpo"`
	Eval     Eval     `toml:"evaluation"`
}

// Pretrain is how the base model is trained: AdamW with a rate that grows, stays, and falls
// evenly at the end.
type Pretrain struct {
	Steps        int     `toml:"steps"`
	Tokens       int     `toml:"tokens"` // of a step
	LearningRate float64 `toml:"learning-rate"`
	LeastRate    float64 `toml:"min-learning-rate"`
	Warmup       int     `toml:"warmup"` // steps
	Decay        int     `toml:"decay"`  // steps
	Beta1        float64 `toml:"beta1"`
	Beta2        float64 `toml:"beta2"`
	ClipNorm     float64 `toml:"clip-norm"`
	WeightDecay  float64 `toml:"weight-decay"`
}

// GRPO is how it learns of its own answers: one step a rollout, a loss a token over the batch,
// no distance from a reference, groups without a difference left out.
type GRPO struct {
	Steps        int     `toml:"steps"`
	Problems     int     `toml:"problems"` // of a step
	Answers      int     `toml:"answers"`  // to each
	MaxTokens    int     `toml:"max-tokens"`
	LearningRate float64 `toml:"learning-rate"`
	Warmup       int     `toml:"warmup"`
	Beta1        float64 `toml:"beta1"`
	Beta2        float64 `toml:"beta2"`
	ClipNorm     float64 `toml:"clip-norm"`
	SampleEvery  int     `toml:"sample-every"` // steps between two whose answers are written down
}

// Eval is how it is measured, on problems that are held out.
type Eval struct {
	Problems int `toml:"problems"` // answered with the likeliest tokens
	Sampled  int `toml:"sampled"`  // of them, those that are answered at temperature 1, too
	Answers  int `toml:"answers"`  // to each of those
	Range    int `toml:"range"`    // problems of numbers of 31 to 50, answered with the likeliest tokens
}

// Usual returns the settings of the demonstration. Shape, optimizer and the steps of GRPO are
// those of the pilot run; mix and length of pretraining were chosen so that both stages take
// about ten minutes on two cores.
func Usual(seed int64) *Settings {
	return &Settings{
		Seed:  seed,
		Shape: Shape{Hidden: 128, Inner: 384, Layers: 4, Heads: 4, Context: 320},
		Mix:   Mix{Lines: 0.25, Traces: 0.35, Long: 0.1, Wrong: 0.4},
		Pretrain: Pretrain{
			Steps: 1500, Tokens: 2048, LearningRate: 3e-3, LeastRate: 1e-4, Warmup: 50, Decay: 500, Beta1: 0.9, Beta2: 0.95, ClipNorm: 1,
		},
		GRPO: GRPO{
			Steps: 50, Problems: 32, Answers: 16, MaxTokens: 288, LearningRate: 2e-4, Warmup: 5, Beta1: 0.9, Beta2: 0.95, ClipNorm: 0.5, SampleEvery: 10,
		},
		Eval: Eval{Problems: 512, Sampled: 64, Answers: 16, Range: 256},
	}
}

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// Parse reads settings over those that s has. A key that there is not is refused.
func (s *Settings) Parse(name string, text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("%s: %d bytes, want at most %d: %w", message.Clean(name), len(text), maxFile, train.ErrSettings)
	}
	meta, err := toml.Decode(string(text), s)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", message.Clean(name), err, train.ErrSettings)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("%s: %s is no setting of a run: %w", message.Clean(name), message.Clean(unknown[0].String()), train.ErrSettings)
	}
	return nil
}

// Check returns an error that names the first setting that cannot be.
func (s *Settings) Check() error {
	share := func(name string, v float64) error {
		if v > 0 && v < 1 {
			return nil
		}
		return fmt.Errorf("demo: %s is %v, want more than 0, less than 1: %w", name, v, train.ErrSettings)
	}
	for _, x := range []struct {
		name           string
		v, least, most int
	}{
		{"hidden-size", s.Shape.Hidden, 1, 4096},
		{"intermediate-size", s.Shape.Inner, 1, 1 << 14},
		{"layers", s.Shape.Layers, 1, 64},
		{"heads", s.Shape.Heads, 1, s.Shape.Hidden},
		{"context", s.Shape.Context, s.GRPO.MaxTokens + longestQuestion, 1 << 16},
		{"pretraining.steps", s.Pretrain.Steps, 1, 1 << 20},
		{"pretraining.tokens", s.Pretrain.Tokens, 1, 1 << 20},
		{"grpo.steps", s.GRPO.Steps, 1, 1 << 20},
		{"grpo.problems", s.GRPO.Problems, 1, 1 << 12},
		{"grpo.answers", s.GRPO.Answers, 2, 1 << 12},
		{"grpo.max-tokens", s.GRPO.MaxTokens, 1, 1 << 16},
		{"grpo.sample-every", s.GRPO.SampleEvery, 1, 1 << 20},
		{"evaluation.problems", s.Eval.Problems, 1, 1 << 16},
		{"evaluation.sampled", s.Eval.Sampled, 1, s.Eval.Problems},
		{"evaluation.answers", s.Eval.Answers, 1, 1 << 12},
		{"evaluation.range", s.Eval.Range, 0, 1 << 16},
	} {
		if x.v < x.least || x.v > x.most {
			return fmt.Errorf("demo: %s is %d, want %d to %d: %w", x.name, x.v, x.least, x.most, train.ErrSettings)
		}
	}
	m := &s.Mix
	return errors.Join(share("mix.lines", m.Lines), share("mix.traces", m.Traces), share("mix.long", m.Long), share("mix.wrong", m.Wrong))
}

// longestQuestion is how many tokens a question has at most: "12 12 12 = 100" and a line's end.
const longestQuestion = 15

// TOML returns the settings as a file.
func (s *Settings) TOML() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# All settings of blitz train demo. The same seed gives the same model.\n")
	err := toml.NewEncoder(&b).Encode(s)
	return b.Bytes(), err
}
