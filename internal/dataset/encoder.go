package dataset

import (
	"context"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// The words of settings.
const (
	LongRefuse = "refuse" // a sample that is too long ends everything
	LongCut    = "cut"    // its end is left out
	LongSkip   = "skip"   // it is left out
	LongSplit  = "split"  // a text becomes several samples; another is refused

	TurnsAll  = "all"  // every turn of the model is learned, in one sample
	TurnsLast = "last" // only the last one
	TurnsEach = "each" // every turn, in a sample of its own with what came before it

	PromptsChat  = "chat"  // a prompt is what the user says, its completion the model's turn
	PromptsPlain = "plain" // they are one text

	CompletionsTemplate = "template" // the template writes the model's turn
	CompletionsRaw      = "raw"      // the turn is what stands in the row, behind the template's prompt

	PreferencesNone   = ""       // rows are examples
	PreferencesPairs  = "pairs"  // of two answers one is preferred
	PreferencesLabels = "labels" // an answer is desirable or not
)

// The words that each setting knows.
var (
	Longs       = []string{LongRefuse, LongCut, LongSkip, LongSplit}
	Turns       = []string{TurnsAll, TurnsLast, TurnsEach}
	Prompts     = []string{PromptsChat, PromptsPlain}
	Completions = []string{CompletionsTemplate, CompletionsRaw}
	Preferences = []string{PreferencesNone, PreferencesPairs, PreferencesLabels}
)

// Options say how rows become samples.
type Options struct {
	Length        int    `json:"length"`                // the most tokens of a sample
	Long          string `json:"long"`                  // of Longs
	Turns         string `json:"turns"`                 // of Turns
	Prompts       string `json:"prompts"`               // of Prompts
	Completions   string `json:"completions"`           // of Completions
	SpecialTokens bool   `json:"special_tokens"`        // control tokens that texts spell are such
	Preferences   string `json:"preferences,omitempty"` // of Preferences
}

// Check returns an error that wraps ErrOption where a setting is none of its words.
func (o *Options) Check() error {
	for _, s := range []struct {
		name, is string
		of       []string
	}{{"long", o.Long, Longs}, {"turns", o.Turns, Turns}, {"prompts", o.Prompts, Prompts}, {"completions", o.Completions, Completions}, {"preferences", o.Preferences, Preferences}} {
		if !slices.Contains(s.of, s.is) {
			return fmt.Errorf("%s is %q, want one of %v: %w", s.name, s.is, s.of, ErrOption)
		}
	}
	if o.Preferences != PreferencesNone && (o.Long == LongSplit || o.Turns == TurnsEach) {
		return fmt.Errorf("long is %q and turns %q: the answers of preferences are whole and single: %w", o.Long, o.Turns, ErrOption)
	}
	if o.Length < minLength || o.Length > maxLength {
		return fmt.Errorf("length is %d, want %d to %d: %w", o.Length, minLength, maxLength, ErrOption)
	}
	return nil
}

// The shortest and the longest row, in tokens: one is predicted at least.
const (
	minLength = 2
	maxLength = 1 << 24
)

// Encoder turns rows into samples, as the model will see them when it answers.
type Encoder struct {
	tokens    *tokenizer.Tokenizer
	template  *chat.Template // nil: there is none
	variables *jinja.Dict
	ends      []int32 // the tokens that end an answer
	turnEnd   string  // what the template writes behind an answer
	continues bool    // a text encodes the same behind another one
	o         Options
}

// NewEncoder returns an encoder. template may be nil: rows that need one are refused. ends
// are the tokens that end an answer; variables are what every template gets to know.
func NewEncoder(ctx context.Context, t *tokenizer.Tokenizer, template *chat.Template, variables *jinja.Dict, ends []int32, o Options) (*Encoder, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	e := &Encoder{tokens: t, template: template, variables: variables, ends: ends, o: o}
	if template != nil {
		e.turnEnd = template.TurnEnd(ctx, variables)
	}
	if ids, err := t.Encode("a", 0); err == nil && len(ids) == 1 {
		b, err := t.AppendBytes(nil, ids[0])
		e.continues = err == nil && string(b) == "a"
	}
	return e, nil
}

// Encode returns the samples of a row, of any length: those of preferences are in twos, but
// the mismatched ones of labels, for which other rows have to be known. The error wraps
// ErrRow where the row has none.
func (e *Encoder) Encode(ctx context.Context, r *Row) ([]Sample, error) {
	switch e.o.Preferences {
	case PreferencesPairs:
		return e.pair(ctx, r)
	case PreferencesLabels:
		return e.labelled(ctx, r)
	}
	return e.plainRow(ctx, r)
}

// plainRow returns the samples of a row that is an example.
func (e *Encoder) plainRow(ctx context.Context, r *Row) ([]Sample, error) {
	var samples []Sample
	var err error
	switch {
	case r.Form == Pair:
		return nil, badRow("has chosen and rejected: they are learned as preferences (train dpo, train kto)")
	case r.Form == Text:
		var s Sample
		s, err = e.text(r.Text)
		samples = []Sample{s}
	case r.Form == Completion && (e.o.Prompts == PromptsPlain || e.template == nil):
		var s Sample
		s, err = e.plain(r.Prompt, r.Completion)
		samples = []Sample{s}
	case r.Form == Completion:
		samples, err = e.chat(ctx, &Row{Messages: []chat.Message{chat.User(r.Prompt), chat.Assistant(r.Completion)}})
	default:
		samples, err = e.chat(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range samples {
		if s.targets() == 0 {
			return nil, badRow("has no token to learn")
		}
	}
	return samples, nil
}

// flags are how texts that no template wrote are read.
func (e *Encoder) flags() tokenizer.Flags {
	if e.o.SpecialTokens {
		return 0
	}
	return tokenizer.Plain
}

// text encodes a document: BOS in front where the model adds it, its end behind.
func (e *Encoder) text(text string) (Sample, error) {
	ids, err := e.begin(text)
	if err != nil {
		return Sample{}, err
	}
	return e.ended(ids, 0), nil
}

// plain encodes a prompt and what follows it, as one text.
func (e *Encoder) plain(prompt, completion string) (Sample, error) {
	before, err := e.begin(prompt)
	if err != nil {
		return Sample{}, err
	}
	whole, err := e.begin(prompt + completion)
	if err != nil {
		return Sample{}, err
	}
	if !hasPrefix(whole, before) { // a token reaches over the border, which a prompt alone has not
		if !e.continues {
			return Sample{}, badRow("a token has the end of the prompt and the beginning of the completion: let the completion begin with a blank")
		}
		after, err := e.tokens.Encode(completion, e.flags())
		if err != nil {
			return Sample{}, badRow("%v", err)
		}
		whole = append(before[:len(before):len(before)], after...)
	}
	return e.ended(whole, len(before)), nil
}

// begin encodes what begins a sample.
func (e *Encoder) begin(text string) ([]int32, error) {
	var ids []int32
	if e.tokens.AddsBOS() {
		ids = append(ids, e.tokens.BOS())
	}
	ids, err := e.tokens.AppendEncode(ids, text, e.flags())
	if err != nil {
		return nil, badRow("%v", err)
	}
	return ids, nil
}

// ended returns a sample with the token that ends a text, learned from position from on.
func (e *Encoder) ended(ids []int32, from int) Sample {
	if eos := e.tokens.EOS(); eos >= 0 {
		ids = append(ids, eos)
	}
	s := Sample{IDs: ids, Learned: make([]bool, len(ids))}
	for i := from; i < len(ids); i++ {
		s.Learned[i] = true
	}
	return s
}

func hasPrefix(ids, prefix []int32) bool {
	return len(ids) >= len(prefix) && slices.Equal(ids[:len(prefix)], prefix)
}
