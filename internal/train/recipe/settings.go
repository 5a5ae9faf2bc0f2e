package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/train"
)

// Settings are all there is to a run, as its run.toml has them.
type Settings struct {
	Seed     int64    `toml:"seed"`
	Context  int      `toml:"context"` // positions of both models
	Problems Problems `toml:"problems"`
	Corpus   Corpus   `toml:"corpus"`
	Teacher  Teacher  `toml:"teacher"`
	Student  Student  `toml:"student"`

	Base         Supervised `toml:"base"`
	Zero         Reinforced `toml:"zero"`
	ColdStart    Tuned      `toml:"cold-start"`
	Reasoning    Reinforced `toml:"reasoning"`
	Rejection    Tuned      `toml:"rejection"`
	AllTasks     Reinforced `toml:"all-tasks"`
	StudentBase  Supervised `toml:"student-base"`
	Distillation Tuned      `toml:"distillation"`
	Settled      Settled    `toml:"settled"`
	Control      Reinforced `toml:"control"`
	SFTOnly      Tuned      `toml:"sft-only"`

	Evaluation Evaluation `toml:"evaluation"`
}

// Supervised is how a model learns of examples: AdamW with a rate that grows, stays, and falls
// evenly at the end.
type Supervised struct {
	Steps        int     `toml:"steps"`  // 0: as many as the epochs have, or as compute allows
	Epochs       int     `toml:"epochs"` // turns through the examples
	Tokens       int     `toml:"tokens"` // of a step, about
	LearningRate float64 `toml:"learning-rate"`
	LeastRate    float64 `toml:"min-learning-rate"`
	Warmup       int     `toml:"warmup"` // steps
	Decay        float64 `toml:"decay"`  // the share of steps in which the rate falls
	Beta1        float64 `toml:"beta1"`
	Beta2        float64 `toml:"beta2"`
	WeightDecay  float64 `toml:"weight-decay"`
	ClipNorm     float64 `toml:"clip-norm"`
	MTPWeight    float64 `toml:"mtp-weight"`    // of the loss of the module, where there is one
	BalanceAlpha float64 `toml:"balance-alpha"` // of the balance loss of experts
	BiasGamma    float64 `toml:"bias-gamma"`    // how far a step moves the biases of routers
	SaveEvery    int     `toml:"save-every"`    // steps between two states to go on from
}

// Reinforced is how a model learns of its own answers.
type Reinforced struct {
	Steps        int     `toml:"steps"`       // rollouts at most
	Problems     int     `toml:"problems"`    // of a rollout
	Answers      int     `toml:"answers"`     // to each
	MaxTokens    int     `toml:"max-tokens"`  // of an answer
	List         int     `toml:"list"`        // problems in all, of which those are drawn
	Arithmetic   float64 `toml:"arithmetic"`  // the share of them
	Curriculum   bool    `toml:"curriculum"`  // ask those more often that are right some of the times
	Consistency  float64 `toml:"consistency"` // weight of the share of words in the wanted language; 0: right and wrong alone count
	Loss         string  `toml:"loss"`        // grpo, dr_grpo, dapo, gspo, cispo or rloo
	Beta         float64 `toml:"beta"`        // weight of the distance from the reference
	Updates      int     `toml:"updates"`     // steps that a rollout is cut into
	Refill       int     `toml:"refill"`      // how often problems are drawn in place of those that teach nothing
	LearningRate float64 `toml:"learning-rate"`
	Warmup       int     `toml:"warmup"`
	Beta1        float64 `toml:"beta1"`
	Beta2        float64 `toml:"beta2"`
	ClipNorm     float64 `toml:"clip-norm"`
	BiasGamma    float64 `toml:"bias-gamma"`
	SaveEvery    int     `toml:"save-every"`
	SampleEvery  int     `toml:"sample-every"` // rollouts between two whose answers are written down
}

// Tuned is how a model learns of answers that a model gave, of which those are kept that are
// right, and where it is asked for readable.
type Tuned struct {
	Problems   int        `toml:"problems"`    // that are asked
	Answers    int        `toml:"answers"`     // to each
	MaxTokens  int        `toml:"max-tokens"`  // of an answer
	PerProblem int        `toml:"per-problem"` // answers that are kept at most
	Arithmetic float64    `toml:"arithmetic"`  // the share of problems
	Readable   bool       `toml:"readable"`    // keep only those in the wanted language, that reason and say nothing twice
	Training   Supervised `toml:"training"`
}

// Evaluation is how a model is measured, on problems that are never trained on.
type Evaluation struct {
	Problems int `toml:"problems"` // of each set, answered with the likeliest tokens
	Sampled  int `toml:"sampled"`  // of Countdown, those that are answered at temperature 1, too
	Answers  int `toml:"answers"`  // to each of those
}

// usual returns how a stage learns of examples, unless others are given.
func usual(steps, epochs, tokens int, rate float64) Supervised {
	return Supervised{
		Steps: steps, Epochs: epochs, Tokens: tokens, LearningRate: rate, LeastRate: rate / 20, Warmup: 20, Decay: 0.3, Beta1: 0.9, Beta2: 0.95, ClipNorm: 1,
		MTPWeight: 0.3, BalanceAlpha: 1e-4, BiasGamma: 1e-3, SaveEvery: 50,
	}
}

// Usual returns the settings of the recipe. The teacher has 6.6 million parameters, 5.7 without
// its module of multi-token prediction; the student 1.35.
func Usual(seed int64) *Settings {
	rl := Reinforced{
		Steps: 60, Problems: 32, Answers: 16, MaxTokens: 320, List: 4096, Loss: "grpo", Updates: 1, Refill: 1, LearningRate: 2e-4, Warmup: 5,
		Beta1: 0.9, Beta2: 0.95, ClipNorm: 0.5, SaveEvery: 5, SampleEvery: 1,
	}
	s := &Settings{
		Seed: seed, Context: 384,
		Problems: Problems{Top: 12, LeastTarget: 10, MostTarget: 100, MostStep: 144, NewLeast: 31, NewTop: 50},
		Corpus:   Corpus{Lines: 0.25, Arithmetic: 0.2, Traces: 0.35, Long: 0.1, Wrong: 0.4, Mixed: 0.5},
		Teacher:  Teacher{Hidden: 192, Inner: 512, ExpertInner: 128, Layers: 8, Heads: 4, Latent: 64, NoPE: 32, RoPE: 16, Value: 32, Experts: 8, Chosen: 2},
		Student:  Student{Hidden: 160, Inner: 480, Layers: 4, Heads: 5},
		Base:     usual(1500, 1, 4096, 2e-3),
		Zero:     rl, Reasoning: rl, AllTasks: rl, Control: rl,
		ColdStart:    Tuned{Problems: 2048, Answers: 4, MaxTokens: 320, PerProblem: 1, Readable: true, Training: usual(0, 3, 4096, 1e-3)},
		Rejection:    Tuned{Problems: 4096, Answers: 4, MaxTokens: 320, PerProblem: 2, Arithmetic: 0.3, Readable: true, Training: usual(0, 3, 4096, 1e-3)},
		StudentBase:  usual(1500, 1, 2048, 3e-3),
		Distillation: Tuned{Problems: 8192, Answers: 4, MaxTokens: 320, PerProblem: 2, Arithmetic: 0.3, Readable: true, Training: usual(0, 3, 4096, 1e-3)},
		Settled:      Settled{Steps: 5},
		SFTOnly:      Tuned{Problems: 8192, Answers: 4, MaxTokens: 320, PerProblem: 4, Arithmetic: 0.15, Training: usual(0, 3, 4096, 5e-4)},
		Evaluation:   Evaluation{Problems: 512, Sampled: 128, Answers: 16},
	}
	s.Reasoning.Steps, s.Reasoning.Curriculum, s.Reasoning.Consistency = 40, true, 0.2
	s.AllTasks.Steps, s.AllTasks.Curriculum, s.AllTasks.Consistency, s.AllTasks.Arithmetic = 40, true, 0.2, 0.3
	s.Control.Steps, s.Control.Arithmetic = 1000, 0.3
	return s
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
		return fmt.Errorf("%s: %s is no setting of a recipe: %w", message.Clean(name), message.Clean(unknown[0].String()), train.ErrSettings)
	}
	return nil
}

// TOML returns the settings as a file.
func (s *Settings) TOML() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# All settings of blitz train recipe. The same seed gives the same models.\n")
	err := toml.NewEncoder(&b).Encode(s)
	return b.Bytes(), err
}

// bounds are what a setting may be.
type bounds struct {
	name           string
	v, least, most int
}

// bound returns an error that names the first setting that is out of its bounds.
func bound(where string, list []bounds) error {
	for _, x := range list {
		if x.v < x.least || x.v > x.most {
			return fmt.Errorf("recipe: %s%s is %d, want %d to %d: %w", where, x.name, x.v, x.least, x.most, train.ErrSettings)
		}
	}
	return nil
}

// share returns an error where a setting is no share.
func share(name string, v float64) error {
	if v >= 0 && v <= 1 {
		return nil
	}
	return fmt.Errorf("recipe: %s is %v, want 0 to 1: %w", name, v, train.ErrSettings)
}

// Check returns an error that names settings that cannot be.
func (s *Settings) Check() error {
	p, t, d, e := &s.Problems, &s.Teacher, &s.Student, &s.Evaluation
	if err := bound("", []bounds{
		{"problems.most-step", p.MostStep, 16, 1 << 20},
		{"problems.top-number", p.Top, 3, p.MostStep / 2},
		{"problems.least-target", p.LeastTarget, 1, p.MostStep},
		{"problems.most-target", p.MostTarget, p.LeastTarget, p.MostStep},
		{"problems.new-least", p.NewLeast, p.Top + 1, p.MostStep},
		{"problems.new-top", p.NewTop, p.NewLeast, p.MostStep},
		{"teacher.hidden-size", t.Hidden, 1, 4096},
		{"teacher.intermediate-size", t.Inner, 1, 1 << 14},
		{"teacher.moe-intermediate-size", t.ExpertInner, 1, 1 << 14},
		{"teacher.layers", t.Layers, 2, 64},
		{"teacher.heads", t.Heads, 1, t.Hidden},
		{"teacher.kv-lora-rank", t.Latent, 1, 4096},
		{"teacher.qk-nope-head-dim", t.NoPE, 1, 4096},
		{"teacher.qk-rope-head-dim", t.RoPE, 2, 4096},
		{"teacher.v-head-dim", t.Value, 1, 4096},
		{"teacher.experts", t.Experts, 2, 1 << 10},
		{"teacher.experts-per-token", t.Chosen, 1, t.Experts},
		{"student.hidden-size", d.Hidden, 1, 4096},
		{"student.intermediate-size", d.Inner, 1, 1 << 14},
		{"student.layers", d.Layers, 1, 64},
		{"student.heads", d.Heads, 1, d.Hidden},
		{"evaluation.problems", e.Problems, 1, 1 << 16},
		{"evaluation.sampled", e.Sampled, 1, e.Problems},
		{"evaluation.answers", e.Answers, 1, 1 << 12},
		{"settled.steps", s.Settled.Steps, 1, 1 << 10},
		{"context", s.Context, p.longestPrompt() + 2, 1 << 16},
	}); err != nil {
		return err
	}
	c := &s.Corpus
	errs := []error{
		share("corpus.lines", c.Lines), share("corpus.arithmetic", c.Arithmetic), share("corpus.wrong", c.Wrong), share("corpus.mixed", c.Mixed),
		open("corpus.traces", c.Traces), open("corpus.long", c.Long), s.Base.check("base", true), s.StudentBase.check("student-base", true),
	}
	if c.Lines == 1 {
		errs = append(errs, fmt.Errorf("recipe: corpus.lines is 1: nothing would be answered: %w", train.ErrSettings))
	}
	most := s.Context - p.longestPrompt()
	for name, x := range map[string]*Reinforced{"zero": &s.Zero, "reasoning": &s.Reasoning, "all-tasks": &s.AllTasks, "control": &s.Control} {
		errs = append(errs, x.check(name, most))
	}
	for name, x := range map[string]*Tuned{"cold-start": &s.ColdStart, "rejection": &s.Rejection, "distillation": &s.Distillation, "sft-only": &s.SFTOnly} {
		errs = append(errs, x.check(name, most))
	}
	return errors.Join(errs...)
}

// open returns an error where a setting is no share between none and all.
func open(name string, v float64) error {
	if v > 0 && v < 1 {
		return nil
	}
	return fmt.Errorf("recipe: %s is %v, want more than 0, less than 1: %w", name, v, train.ErrSettings)
}

func (x *Supervised) check(name string, steps bool) error {
	least := 0
	if steps {
		least = 1
	}
	return errors.Join(bound(name+".", []bounds{
		{"steps", x.Steps, least, mostSteps},
		{"epochs", x.Epochs, 1, 1 << 16},
		{"tokens", x.Tokens, 1, 1 << 20},
		{"warmup", x.Warmup, 0, 1 << 20},
		{"save-every", x.SaveEvery, 1, 1 << 24},
	}), share(name+".decay", x.Decay), x.settings(1).Check())
}

func (x *Reinforced) check(name string, most int) error {
	if err := bound(name+".", []bounds{
		{"problems", x.Problems, 1, 1 << 12},
		{"list", x.List, x.Problems, 1 << 20},
		{"max-tokens", x.MaxTokens, 1, most},
	}); err != nil {
		return err
	}
	if !(x.Consistency >= 0 && x.Consistency <= math.MaxFloat32) {
		return fmt.Errorf("recipe: %s.consistency is %v, want 0 or more: %w", name, x.Consistency, train.ErrSettings)
	}
	settings := x.settings(1)
	err := settings.Check()
	if err != nil {
		err = fmt.Errorf("recipe: %s: %w: %w", name, err, train.ErrSettings)
	}
	return errors.Join(err, share(name+".arithmetic", x.Arithmetic))
}

func (x *Tuned) check(name string, most int) error {
	return errors.Join(bound(name+".", []bounds{
		{"problems", x.Problems, 1, 1 << 20},
		{"answers", x.Answers, 1, 1 << 12},
		{"per-problem", x.PerProblem, 1, x.Answers},
		{"max-tokens", x.MaxTokens, 1, most},
	}), share(name+".arithmetic", x.Arithmetic), x.Training.check(name+".training", false))
}
