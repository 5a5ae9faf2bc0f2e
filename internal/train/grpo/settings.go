package grpo

import (
	"fmt"
	"math"
	"reflect"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Settings are those of a run, by the names that its TOML file and its flags have.
type Settings struct {
	Model string   `toml:"model" help:"the model to begin with"`
	Data  []string `toml:"data" help:"files of problems, a line each"`

	Task    string `toml:"task" help:"kind of problems to make, in place of files of such"`
	Size    int    `toml:"size" help:"how large those are; 0: as usual"`
	Rewards string `toml:"rewards" help:"a file with tables [[rewards]], which say what answers are worth"`
	Score   string `toml:"score" help:"how answers are compared where a line does not say: exact, numeric, choice or regex"`

	Lora   bool    `toml:"lora" help:"train a low-rank adapter of all linear layers, over weights of any type"`
	Rank   int     `toml:"rank" help:"of an adapter"`
	Alpha  float64 `toml:"alpha" help:"an adapter counts alpha/rank"`
	RSLora bool    `toml:"rslora" help:"an adapter counts alpha/√rank"`

	Seed        int64   `toml:"seed" help:"what problems and answers are drawn from"`
	Steps       int     `toml:"steps" help:"rollouts in all"`
	Problems    int     `toml:"problems" help:"of a rollout"`
	Answers     int     `toml:"answers" help:"to each problem: the size of a group"`
	MaxTokens   int     `toml:"max-tokens" help:"of an answer"`
	Temperature float64 `toml:"temperature" help:"that answers are drawn at"`
	Reasoning   bool    `toml:"reasoning" help:"an answer has to reason first, up to </think>"`

	Loss     string  `toml:"loss" help:"grpo, dr_grpo, dapo, gspo, cispo or rloo"`
	Beta     float64 `toml:"beta" help:"weight of the distance from the reference"`
	KL       string  `toml:"kl" help:"how that is estimated: k3 or unbiased"`
	Overlong int     `toml:"overlong" help:"the last so many tokens of the longest answer cost more and more reward"`

	Updates        int  `toml:"updates" help:"steps that a rollout is cut into"`
	Refill         int  `toml:"refill" help:"how often problems are drawn in place of those whose answers all have one reward"`
	Curriculum     bool `toml:"curriculum" help:"ask those problems of files more often that are right some of the times"`
	ReferenceEvery int  `toml:"reference-every" help:"rollouts until the reference is what was learned; 0: it stays"`

	LearningRate float64 `toml:"learning-rate" help:"the rate behind the warm-up"`
	Warmup       int     `toml:"warmup" help:"steps in which the rate grows"`
	Beta1        float64 `toml:"beta1" help:"AdamW: how long the mean of gradients remembers"`
	Beta2        float64 `toml:"beta2" help:"AdamW: how long the mean of their squares remembers"`
	Eps          float64 `toml:"eps" help:"AdamW: is added to the root of that mean"`
	WeightDecay  float64 `toml:"weight-decay" help:"AdamW: decay of matrices; vectors have none"`
	ClipNorm     float64 `toml:"clip-norm" help:"the largest norm of all gradients together; 0: any"`
	BalanceAlpha float64 `toml:"balance-alpha" help:"weight of the balance loss of experts"`
	BiasGamma    float64 `toml:"bias-gamma" help:"how far a step moves the biases of routers"`
	AtOnce       int     `toml:"tokens-at-once" help:"tokens that are computed together; fewer need less memory, and round sums otherwise"`

	SaveEvery   int    `toml:"save-every" loose:"" help:"rollouts between two states from which the run can go on"`
	SampleEvery int    `toml:"sample-every" loose:"" help:"rollouts between two whose answers are written down"`
	OutputType  string `toml:"output-type" loose:"" help:"type of the weights that are written: f32 or bf16"`

	Watts    float64 `toml:"watts" loose:"" help:"of the machine: what the report computes energy with"`
	KWhPrice float64 `toml:"kwh-price" loose:"" help:"USD for a kWh of electricity: what it computes prices with"`
}

// Usual returns the settings that a run has unless others are given: the loss of DeepSeekMath
// and DeepSeek-R1 with R1's groups of 16, and a rate for small models.
func Usual() Settings {
	return Settings{
		Score: string(task.Exact), Rank: 16, Alpha: 32, Seed: 1, Steps: 200, Problems: 32, Answers: 16, MaxTokens: 512, Temperature: 1,
		Loss: "grpo", Beta: 0.001, KL: "k3", Updates: 1, Refill: 1,
		LearningRate: 1e-5, Warmup: 5, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, ClipNorm: 1, AtOnce: 4096,
		SaveEvery: 10, SampleEvery: 10, OutputType: "f32", Watts: 65, KWhPrice: 0.3,
	}
}

// LoraRate is the learning rate that an adapter usually has.
const LoraRate = 1e-4

// Keys returns the settings, in their order.
func (s *Settings) Keys() (keys []course.Key) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		_, loose := f.Tag.Lookup("loose")
		keys = append(keys, course.Key{Name: f.Tag.Get("toml"), Help: f.Tag.Get("help"), Value: v.Field(i).Addr().Interface(), Loose: loose})
	}
	return keys
}

// TOML returns all settings as a file that Parse reads.
func (s *Settings) TOML() (b []byte) {
	b = append(b, "# All settings of a run of GRPO. The same command goes on with it where it was\n# stopped; blitz train grpo --settings FILE begins one like it.\n"...)
	for _, k := range s.Keys() {
		b = fmt.Appendf(b, "\n# %s\n%s = %s\n", k.Help, k.Name, k.Text())
	}
	return b
}

// Fixed returns the settings that change what is learned, as TOML.
func (s *Settings) Fixed() (b []byte) {
	for _, k := range s.Keys() {
		if !k.Loose {
			b = fmt.Appendf(b, "%s = %s\n", k.Name, k.Text())
		}
	}
	return b
}

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// Parse reads settings over those that s has, and returns the names of those that the text
// gives. A key that there is not is refused with course.ErrSetting.
func (s *Settings) Parse(name string, text []byte) (given []string, err error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes, want at most %d: %w", message.Clean(name), len(text), maxFile, course.ErrSetting)
	}
	meta, err := toml.Decode(string(text), s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", message.Clean(name), err, course.ErrSetting)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: %s is no setting of a run: %w", message.Clean(name), message.Clean(unknown[0].String()), course.ErrSetting)
	}
	for _, k := range meta.Keys() {
		given = append(given, k.String())
	}
	return given, nil
}

// Same returns an error that wraps course.ErrOther and names the first setting in which the run
// of a folder is another, of those that change what is learned.
func (s *Settings) Same(folder *Settings) error {
	ours, theirs := s.Keys(), folder.Keys()
	for i := range ours {
		if got, want := ours[i].Text(), theirs[i].Text(); got != want && !ours[i].Loose {
			return fmt.Errorf("%s is %s there, and %s here: %w", ours[i].Name, want, got, course.ErrOther)
		}
	}
	return nil
}

// Check returns an error that wraps course.ErrSetting, and names the first setting that cannot
// be.
func (s *Settings) Check() error {
	for _, x := range []struct {
		name           string
		v, least, most int
	}{
		{"rank", s.Rank, 1, 1 << 16},
		{"steps", s.Steps, 1, math.MaxInt32},
		{"problems", s.Problems, 1, 1 << 12},
		{"answers", s.Answers, 2, 1 << 12},
		{"max-tokens", s.MaxTokens, 1, math.MaxInt32},
		{"overlong", s.Overlong, 0, s.MaxTokens},
		{"updates", s.Updates, 1, s.Problems},
		{"refill", s.Refill, 0, 100},
		{"reference-every", s.ReferenceEvery, 0, math.MaxInt32},
		{"warmup", s.Warmup, 0, math.MaxInt32},
		{"tokens-at-once", s.AtOnce, 1, 1 << 24},
		{"save-every", s.SaveEvery, 1, math.MaxInt32},
		{"sample-every", s.SampleEvery, 1, math.MaxInt32},
	} {
		if x.v < x.least || x.v > x.most {
			return fmt.Errorf("%s is %d, want %d to %d: %w", x.name, x.v, x.least, x.most, course.ErrSetting)
		}
	}
	for _, x := range []struct {
		name        string
		v           float64
		least, most float64
	}{
		{"alpha", s.Alpha, 1e-6, 1e6},
		{"temperature", s.Temperature, 0.01, 100},
		{"beta", s.Beta, 0, 1e6},
		{"learning-rate", s.LearningRate, 1e-30, 1e6},
		{"watts", s.Watts, 1e-3, 1e9},
		{"kwh-price", s.KWhPrice, 0, 1e6},
	} {
		if !(x.v >= x.least && x.v <= x.most) {
			return fmt.Errorf("%s is %g, want %g to %g: %w", x.name, x.v, x.least, x.most, course.ErrSetting)
		}
	}
	if s.OutputType != "f32" && s.OutputType != "bf16" {
		return fmt.Errorf("output-type is %q, want f32 or bf16: %w", s.OutputType, course.ErrSetting)
	}
	if _, err := s.loss(); err != nil {
		return fmt.Errorf("%w: %w", err, course.ErrSetting)
	}
	return s.steps().Check()
}

// loss returns what the settings say of the loss.
func (s *Settings) loss() (policy.Loss, error) {
	l, err := policy.Named(s.Loss)
	if err != nil || s.Loss == "distill" {
		return l, fmt.Errorf("loss is %q, want grpo, dr_grpo, dapo, gspo, cispo or rloo", s.Loss)
	}
	l.Beta, l.MaxTokens = s.Beta, s.MaxTokens
	l.Dynamic = false // groups that are dead are left out before
	if s.Overlong > 0 {
		l.Overlong = policy.Overlong{Max: s.MaxTokens, Cache: s.Overlong}
	}
	return l, l.UseKL(s.KL)
}

// steps returns what they say of the optimizer.
func (s *Settings) steps() *train.Settings {
	return &train.Settings{
		Optimizer:    train.Optimizer{Kind: "adamw", Beta1: s.Beta1, Beta2: s.Beta2, Eps: s.Eps, WeightDecay: s.WeightDecay, ClipNorm: s.ClipNorm},
		Schedule:     train.Schedule{Kind: "constant", LR: s.LearningRate, Warmup: s.Warmup},
		BalanceAlpha: s.BalanceAlpha, BiasGamma: s.BiasGamma,
	}
}
