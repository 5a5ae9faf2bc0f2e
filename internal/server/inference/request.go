package inference

import (
	"maps"
	"math"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Request is what any dialect asks. One of Messages and Prompts is set.
type Request struct {
	Model     string         // as the client calls it
	KeepAlive *time.Duration // of the model behind this use; nil: as the server's settings say
	Private   bool           // nothing of it is stored

	Messages  []chat.Message
	Continue  bool          // the last message is the model's, and is gone on with
	Tools     []jinja.Value // in the form of the OpenAI API; see chat.Chat
	Calls     Calls         // which of them may, or have to, be called
	Variables *jinja.Dict   // further variables of the template
	Think     blitz.Think   // what of reasoning is wanted
	// ThinkParam is where reasoning is asked for, of a client that wants to be told where
	// the model knows of none; "": it is as well without.
	ThinkParam string
	Template   *chat.Template // in place of the model's, and of its variant's
	Before     []int32        // tokens that the conversation goes on with
	Context    int            // positions that a model which has yet to be loaded should have room for
	Prompts    []Prompt       // texts or tokens to go on from, each for answers of its own

	Format    Format
	Sampling  Sampling
	N         int  // answers to each prompt; 0 and 1: one
	MaxTokens int  // of an answer; 0: as many as the context has room for
	NoTokens  bool // none at all: the prompt is read only
	IgnoreEnd bool // the model's end tokens are not drawn
	Stop      []string
	Logprobs  bool // with the log-probability of each token
	TopTokens int  // and of that many best ones besides
	Echo      bool // and the same of the prompt's tokens: Answers.Echo
}

// Prompt is what is gone on from as it is: Text, unless there are Tokens or a Gap.
type Prompt struct {
	Text   string
	Tokens []int32
	Gap    *tokenizer.Gap // to be filled in
	Param  string         // where the Gap stands in the request, for errors
}

// Calls say what of the tools has to be called, and how.
type Calls struct {
	None     bool     // no call: the tools are not shown to the model
	Required bool     // a call, in place of text
	Name     string   // of the one tool that has to be called; "": any
	Single   bool     // one call at most
	Strict   []string // tools whose arguments hold to their schemas, also where no call is required
	Param    string   // where it stands in the request, for errors
}

// Bounds of a request, beyond which a dialect refuses it.
const (
	MaxChoices   = 128       // answers of one request, all prompts together
	MaxPrompts   = 2048      // of one request
	MaxMessages  = 100_000   // of a conversation
	MaxTools     = 4096      // of a conversation
	MaxStops     = 64        // stop texts
	MaxStop      = 4096      // bytes of each
	MaxTopTokens = 20        // best tokens beside each
	MaxBiases    = 1 << 17   // tokens whose logits are changed
	MaxIDs       = 1 << 22   // token ids of a prompt
	MaxTokens    = 1<<31 - 1 // that a client may ask for
)

// Sampling are the settings that a client may set; nil ones are the model's own.
type Sampling struct {
	Temperature, TopP, MinP                          *float64
	TopK                                             *int64 // 0 and less: all
	RepeatPenalty, FrequencyPenalty, PresencePenalty *float64
	Seed                                             *int64
	LogitBias                                        map[int32]float32
}

// resolve returns the request as the engine takes it, but for prompts.
func (r *Request) resolve(l *host.Lease, tenant string) (blitz.Request, error) {
	r, err := r.behave(l)
	if err != nil {
		return blitz.Request{}, err
	}
	m := l.Model()
	for id := range r.Sampling.LogitBias {
		if id < 0 || int(id) >= m.VocabSize() {
			return blitz.Request{}, wire.Refuse("logit_bias", "logit_bias has token %d, the model has 0 to %d", id, m.VocabSize()-1)
		}
	}
	out := blitz.Request{
		Messages: r.Messages, Continue: r.Continue, Variables: r.Variables, Think: r.Think, Plain: r.Messages != nil, Template: r.Template, Before: r.Before,
		Sampling: r.Sampling.resolve(m), MaxTokens: r.MaxTokens, Stop: r.Stop, Logprobs: r.Logprobs, TopTokens: r.TopTokens,
		Tenant: tenant,
	}
	if !r.Calls.None {
		out.Tools = r.Tools
	}
	if r.NoTokens {
		out.MaxTokens = 1
	}
	if r.IgnoreEnd {
		out.Sampling.LogitBias = maps.Clone(out.Sampling.LogitBias)
		if out.Sampling.LogitBias == nil {
			out.Sampling.LogitBias = map[int32]float32{}
		}
		for _, id := range m.StopTokens() {
			out.Sampling.LogitBias[id] = -math.MaxFloat32
		}
	}
	if out.Grammar, err = r.Format.grammar(); err != nil {
		return blitz.Request{}, err
	}
	return out, r.Calls.hold(&out)
}

// resolve fills in what is open.
func (s *Sampling) resolve(m *blitz.Model) *blitz.Sampling {
	out, _ := m.Sampling()
	set := func(to *float32, from *float64) {
		if from != nil {
			*to = float32(*from)
		}
	}
	set(&out.Temperature, s.Temperature)
	set(&out.MinP, s.MinP)
	set(&out.RepeatPenalty, s.RepeatPenalty)
	set(&out.FrequencyPenalty, s.FrequencyPenalty)
	set(&out.PresencePenalty, s.PresencePenalty)
	if s.TopP != nil {
		out.TopP = new(float32(*s.TopP))
	}
	if s.TopK != nil {
		out.TopK = int(min(max(*s.TopK, 0), int64(m.VocabSize())))
	}
	if s.Seed != nil {
		out.Seed = new(uint64(*s.Seed))
	}
	if s.LogitBias != nil {
		out.LogitBias = s.LogitBias
	}
	return &out
}

// budgets are the words that clients have for how much a model may reason, and the
// tokens that they stand for.
var budgets = map[string]int{"minimal": 256, "low": 1024, "medium": 8192, "high": 0, "xhigh": 0, "max": 0}

// Efforts are the words of Effort.
var Efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// Effort returns what a word for the effort of reasoning stands for; "" leaves it to the
// model.
func Effort(word string) blitz.Think {
	switch budget, ok := budgets[word]; {
	case word == "none":
		return blitz.Think{Mode: blitz.ThinkOff}
	case ok:
		return blitz.Think{Mode: blitz.ThinkOn, Budget: budget}
	}
	return blitz.Think{}
}

// TellEffort gives the template a word of Efforts: some models reason more or less by what
// their prompt says.
func (r *Request) TellEffort(word string) {
	if word == "" || word == "none" {
		return
	}
	if r.Variables == nil {
		r.Variables = &jinja.Dict{}
	}
	r.Variables.Set("reasoning_effort", jinja.String(word))
}

// ReadStops takes stop texts out of a field: a string or a list of them.
func ReadStops(o *wire.Object, name string) []string {
	v, ok := o.Get(name)
	if !ok {
		return nil
	}
	list := []wire.Value{v}
	if v.IsArray() {
		list = v.Array(MaxStops)
	} else if !v.IsText() {
		v.Refuse("%s is neither a string nor a list of strings", v.Path())
	}
	var stops []string
	for _, one := range list {
		switch text := one.Text(); {
		case len(text) > MaxStop:
			one.Refuse("%s has %d bytes, want at most %d", one.Path(), len(text), MaxStop)
		case text != "":
			stops = append(stops, text)
		}
	}
	return stops
}
