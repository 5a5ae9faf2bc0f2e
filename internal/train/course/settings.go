package course

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/message"
)

// Settings are those of a run, by the names that its TOML file and its flags have.
type Settings struct {
	Kind  string   `toml:"kind" help:"pretrain, sft, distill, dpo or kto: the verb"`
	Model string   `toml:"model" help:"the model to begin with"`
	Data  []string `toml:"data" help:"files of examples, or folders of such"`

	Random bool    `toml:"random" kinds:"pretrain sft distill" help:"begin with random weights in place of the model's: a folder with config.json and a tokenizer needs none"`
	Lora   bool    `toml:"lora" help:"train a low-rank adapter of all linear layers, over weights of any type"`
	Rank   int     `toml:"rank" help:"of an adapter"`
	Alpha  float64 `toml:"alpha" help:"an adapter counts alpha/rank"`
	RSLora bool    `toml:"rslora" help:"an adapter counts alpha/√rank"`

	Length        int     `toml:"length" help:"the most tokens of a sample; rows of so many or less are packed"`
	Long          string  `toml:"long" help:"a sample longer than a row: refuse, cut, skip, or split, for texts"`
	Turns         string  `toml:"turns" help:"of a conversation is learned: all turns of the model, last, or each in a sample of its own"`
	Prompts       string  `toml:"prompts" help:"prompt and completion are chat, a question and its answer, or plain, one text"`
	Completions   string  `toml:"completions" help:"the model's turn is written by the template, or stands raw behind the template's prompt"`
	SpecialTokens bool    `toml:"special-tokens" help:"control tokens that plain texts spell are such"`
	Validation    float64 `toml:"validation" help:"the share of rows that only measures"`
	Seed          int64   `toml:"seed" help:"what order and random weights are drawn from"`

	Epochs     int `toml:"epochs" help:"turns through the examples"`
	Steps      int `toml:"steps" help:"steps in all; 0: as many as the epochs have"`
	Rows       int `toml:"rows" help:"rows that are one step together; 0: as many as make a sixteenth of an epoch, of 256 to 8192 tokens"`
	RowsAtOnce int `toml:"rows-at-once" help:"rows that are computed together; 0: up to 2048 tokens. Fewer need less memory, and round sums otherwise"`

	LearningRate    float64 `toml:"learning-rate" help:"the rate behind the warm-up; with lora usually 0.0005"`
	Schedule        string  `toml:"schedule" help:"constant, cosine or wsd"`
	MinLearningRate float64 `toml:"min-learning-rate" help:"the rate at the end; not of constant"`
	Warmup          int     `toml:"warmup" help:"steps in which the rate grows; -1: a thirtieth of all"`
	Decay           int     `toml:"decay" help:"steps at the end of wsd in which the rate falls"`
	DecayShape      string  `toml:"decay-shape" help:"of that fall: linear, sqrt or cosine"`

	Beta1        float64 `toml:"beta1" help:"AdamW: how long the mean of gradients remembers"`
	Beta2        float64 `toml:"beta2" help:"AdamW: how long the mean of their squares remembers"`
	Eps          float64 `toml:"eps" help:"AdamW: is added to the root of that mean"`
	WeightDecay  float64 `toml:"weight-decay" help:"AdamW: decay of matrices; vectors have none"`
	ClipNorm     float64 `toml:"clip-norm" help:"the largest norm of all gradients together; 0: any"`
	MTPWeight    float64 `toml:"mtp-weight" kinds:"pretrain sft distill" help:"weight of the loss of a module of multi-token prediction"`
	BalanceAlpha float64 `toml:"balance-alpha" help:"weight of the balance loss of experts"`
	BiasGamma    float64 `toml:"bias-gamma" help:"how far a step moves the biases of routers"`

	Beta              float64 `toml:"beta" kinds:"dpo kto" help:"the less, the farther the model may go from what it was"`
	DesirableWeight   float64 `toml:"desirable-weight" kinds:"kto" help:"what an answer that is wanted counts"`
	UndesirableWeight float64 `toml:"undesirable-weight" kinds:"kto" help:"what an answer that is not wanted counts"`

	LabelSmoothing float64 `toml:"label-smoothing" kinds:"pretrain sft distill dpo" help:"the share of the target that all tokens have alike; of dpo, that of pairs which are the wrong way round"`
	ZLoss          float64 `toml:"z-loss" kinds:"pretrain sft distill" help:"weight of the square of the logarithm of the sum of exp(logit)"`

	SaveEvery     int    `toml:"save-every" loose:"" help:"steps between two states from which the run can go on; 0: at the end of a minute or so"`
	ValidateEvery int    `toml:"validate-every" loose:"" help:"steps between two measurements of the validation loss; 0: ten in all"`
	SampleEvery   int    `toml:"sample-every" loose:"" help:"steps between two sets of answers; 0: at the beginning and the end"`
	Samples       int    `toml:"samples" loose:"" help:"how many prompts of the examples are answered"`
	OutputType    string `toml:"output-type" loose:"" help:"type of the weights that are written: f32 or bf16, or a label of blitz quantize, such as q8_0, which makes a GGUF file"`
	OutputGGUF    bool   `toml:"output-gguf" loose:"" help:"write a GGUF file, whatever the model came as"`
}

// The kinds of runs.
const (
	Pretrain = "pretrain"
	SFT      = "sft"
	Distill  = "distill"
	DPO      = "dpo"
	KTO      = "kto"
)

// Kinds are all of them.
var Kinds = []string{Pretrain, SFT, Distill, DPO, KTO}

// Preferences says whether a kind of run learns preferences.
func Preferences(kind string) bool { return kind == DPO || kind == KTO }

// LoraRate returns the learning rate that an adapter usually has: B begins at zero, and both
// halves are small.
func LoraRate(kind string) float64 {
	if Preferences(kind) {
		return 5e-5
	}
	return 5e-4
}

// Usual returns the settings that a kind of run has unless others are given. AdamW, clipping
// and the rate of pretraining: Touvron and others, "Llama 2", 2023, section 2.2. The rate of
// fine-tuning is one for small models, on which what is published has 2e-5 to 1e-3. Those of
// preferences: Rafailov et al. 2023, appendix B, has 1e-6 and a beta of 0.1; what is published of
// KTO 5e-7 to 5e-6.
func Usual(kind string) Settings {
	s := Settings{
		Kind: kind, Length: 1024, Long: dataset.LongRefuse, Turns: dataset.TurnsAll, Prompts: dataset.PromptsChat, Completions: dataset.CompletionsTemplate,
		Rank: 16, Alpha: 32, Seed: 1, Epochs: 3,
		LearningRate: 1e-4, Schedule: "cosine", Warmup: -1,
		Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, ClipNorm: 1, MTPWeight: 0.3,
		Samples: 3, OutputType: "f32",
	}
	switch kind {
	case Pretrain:
		s.Long, s.Prompts, s.Epochs = dataset.LongSplit, dataset.PromptsPlain, 1
		s.LearningRate, s.MinLearningRate, s.WeightDecay = 3e-4, 3e-5, 0.1
	case Distill:
		s.Completions, s.Turns = dataset.CompletionsRaw, dataset.TurnsEach
	case DPO, KTO:
		s.LearningRate, s.Epochs, s.MTPWeight = 5e-6, 1, 0
		s.Beta = 0.1
		if kind == KTO {
			s.DesirableWeight, s.UndesirableWeight = 1, 1
		}
	}
	return s
}

// Key is a setting.
type Key struct {
	Name, Help string
	Value      any  // a pointer into the settings
	Loose      bool // changes nothing of what is learned: a run may go on with another
}

// Keys returns the settings that a run of its kind has, in their order.
func (s *Settings) Keys() (keys []Key) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if of, some := f.Tag.Lookup("kinds"); some && !slices.Contains(strings.Fields(of), s.Kind) {
			continue
		}
		_, loose := f.Tag.Lookup("loose")
		keys = append(keys, Key{f.Tag.Get("toml"), f.Tag.Get("help"), v.Field(i).Addr().Interface(), loose})
	}
	return keys
}

// Take takes the setting of a name from other settings.
func (s *Settings) Take(other *Settings, name string) {
	ours, theirs := s.Keys(), other.Keys()
	for i := range ours {
		if ours[i].Name == name && i < len(theirs) && theirs[i].Name == name {
			reflect.ValueOf(ours[i].Value).Elem().Set(reflect.ValueOf(theirs[i].Value).Elem())
		}
	}
}

// Set takes over the value of another key of the same type.
func (k *Key) Set(other *Key) {
	reflect.ValueOf(k.Value).Elem().Set(reflect.ValueOf(other.Value).Elem())
}

// Text returns a setting as TOML has it.
func (k *Key) Text() string {
	switch v := k.Value.(type) {
	case *string:
		return quote(*v)
	case *[]string:
		list := make([]string, len(*v))
		for i, s := range *v {
			list[i] = quote(s)
		}
		return "[" + strings.Join(list, ", ") + "]"
	case *int:
		return strconv.Itoa(*v)
	case *int64:
		return strconv.FormatInt(*v, 10)
	case *bool:
		return strconv.FormatBool(*v)
	case *float64:
		text := strconv.FormatFloat(*v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") { // TOML's floats have a point or an exponent
			text += ".0"
		}
		return text
	}
	panic("course: a setting of another type than those of Settings") // our own bug
}

// quote writes a string of TOML, which knows the escapes of JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string cannot fail
	}
	return string(b)
}

// TOML returns all settings as a file that Parse reads.
func (s *Settings) TOML() []byte {
	var b strings.Builder
	b.WriteString("# All settings of a run of training. The same command goes on with it where it was\n# stopped; blitz train KIND --settings FILE begins one like it.\n")
	for _, k := range s.Keys() {
		fmt.Fprintf(&b, "\n# %s\n%s = %s\n", k.Help, k.Name, k.Text())
	}
	return []byte(b.String())
}

// Fixed returns the settings that change what is learned, as TOML.
func (s *Settings) Fixed() []byte {
	var b strings.Builder
	for _, k := range s.Keys() {
		if !k.Loose {
			fmt.Fprintf(&b, "%s = %s\n", k.Name, k.Text())
		}
	}
	return []byte(b.String())
}

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// Parse reads settings over those that s has, and returns the names of those that the text
// gives. A key that there is not, or a value of another type, is refused with ErrSetting.
func (s *Settings) Parse(name string, text []byte) (given []string, err error) {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", message.Clean(name), fmt.Sprintf(format, args...), ErrSetting)
	}
	if len(text) > maxFile {
		return nil, refuse("%d bytes, want at most %d", len(text), maxFile)
	}
	meta, err := toml.Decode(string(text), s)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, refuse("%s is no setting of a run", message.Clean(unknown[0].String()))
	}
	known := s.Keys()
	for _, k := range meta.Keys() {
		name := k.String()
		if !slices.ContainsFunc(known, func(k Key) bool { return k.Name == name }) {
			return nil, refuse("%s is no setting of %s", message.Clean(name), message.Clean(s.Kind))
		}
		given = append(given, name)
	}
	return given, nil
}

// Check returns an error that wraps ErrSetting, and names the first setting that cannot be.
func (s *Settings) Check() error {
	bad := func(name string, got any, want string) error {
		return fmt.Errorf("%s is %v, want %s: %w", name, got, want, ErrSetting)
	}
	o := s.Examples()
	if err := o.Check(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrSetting)
	}
	number := func(v float64) bool { return v >= 0 && v <= math.MaxFloat32 }
	switch {
	case s.Lora && s.Random:
		return fmt.Errorf("lora and random: an adapter of random weights: %w", ErrDoomed)
	case s.Lora && s.Rank < 1:
		return bad("rank", s.Rank, "1 or more")
	case s.Lora && !(s.Alpha > 0 && number(s.Alpha)):
		return bad("alpha", s.Alpha, "more than 0")
	case !(s.Validation >= 0 && s.Validation < 1):
		return bad("validation", s.Validation, "0 to less than 1")
	case s.Epochs < 1:
		return bad("epochs", s.Epochs, "1 or more")
	case s.Steps < 0:
		return bad("steps", s.Steps, "0 or more")
	case s.Rows < 0 || s.Rows > maxRows:
		return bad("rows", s.Rows, fmt.Sprintf("0 to %d", maxRows))
	case s.RowsAtOnce < 0:
		return bad("rows-at-once", s.RowsAtOnce, "0 or more")
	case s.LearningRate == 0:
		return fmt.Errorf("learning-rate is 0: nothing would change: %w", ErrDoomed)
	case !number(s.LearningRate):
		return bad("learning-rate", s.LearningRate, "more than 0")
	case !number(s.MinLearningRate) || s.MinLearningRate > s.LearningRate:
		return bad("min-learning-rate", s.MinLearningRate, "0 to the learning rate")
	case s.Warmup < -1:
		return bad("warmup", s.Warmup, "-1 or more")
	case !(s.Beta1 >= 0 && s.Beta1 < 1):
		return bad("beta1", s.Beta1, "0 to less than 1")
	case !(s.Beta2 >= 0 && s.Beta2 < 1):
		return bad("beta2", s.Beta2, "0 to less than 1")
	case !(s.Eps > 0 && number(s.Eps)):
		return bad("eps", s.Eps, "more than 0")
	case !number(s.WeightDecay):
		return bad("weight-decay", s.WeightDecay, "0 or more")
	case !number(s.ClipNorm):
		return bad("clip-norm", s.ClipNorm, "0 or more")
	case s.SaveEvery < 0 || s.ValidateEvery < 0 || s.SampleEvery < 0 || s.Samples < 0:
		return bad("save-every, validate-every, sample-every or samples", "less than 0", "0 or more")
	case Preferences(s.Kind) && !(s.Beta > 0 && number(s.Beta)):
		return bad("beta", s.Beta, "more than 0")
	case s.Kind == DPO && !(s.LabelSmoothing >= 0 && s.LabelSmoothing < 0.5):
		return bad("label-smoothing", s.LabelSmoothing, "0 to less than 0.5")
	case s.Kind == KTO && !(number(s.DesirableWeight) && number(s.UndesirableWeight) && s.DesirableWeight+s.UndesirableWeight > 0):
		return bad("desirable-weight and undesirable-weight", fmt.Sprintf("%g and %g", s.DesirableWeight, s.UndesirableWeight), "0 or more, and not both 0")
	case s.OutputType == "":
		return bad("output-type", strconv.Quote(s.OutputType), "f32, bf16 or a label of blitz quantize")
	case s.Lora && (s.OutputType != "f32" || s.OutputGGUF):
		return fmt.Errorf("lora with output-type %s: an adapter is written, and blitz train merge writes the model with it: %w", s.OutputType, ErrSetting)
	}
	return nil
}

// maxRows bounds the rows of a step.
const maxRows = 1 << 20

// Examples returns what the settings say of examples.
func (s *Settings) Examples() dataset.Options {
	return dataset.Options{
		Length: s.Length, Long: s.Long, Turns: s.Turns, Prompts: s.Prompts, Completions: s.Completions, SpecialTokens: s.SpecialTokens,
		Preferences: map[string]string{DPO: dataset.PreferencesPairs, KTO: dataset.PreferencesLabels}[s.Kind],
	}
}

// Same returns an error that wraps ErrOther and names the first setting in which the run of
// a folder is another, of those that change what is learned.
func (s *Settings) Same(folder *Settings) error {
	if s.Kind != folder.Kind {
		return fmt.Errorf("kind is %q there, and %q here: %w", folder.Kind, s.Kind, ErrOther)
	}
	ours, theirs := s.Keys(), folder.Keys()
	for i := range ours {
		if got, want := ours[i].Text(), theirs[i].Text(); got != want && !ours[i].Loose {
			return fmt.Errorf("%s is %s there, and %s here: %w", ours[i].Name, want, got, ErrOther)
		}
	}
	return nil
}
