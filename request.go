package blitz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Request is what a user asks. One of Messages, Prompt and Tokens is set.
type Request struct {
	Messages []chat.Message // a conversation, rendered by the model's template
	Prompt   string         // text to continue as it is, with BOS where the model wants it
	Tokens   []int32        // ids to continue as they are
	// Rendered says that Tokens are a conversation that was rendered already, so that
	// the answer is read as one: reasoning, content and calls.
	Rendered bool
	// Begun is how many of the last Tokens are the beginning of the answer itself, which
	// was cut: its Output has them too.
	Begun int
	// Said, where Tokens are Rendered and end in the middle of an answer, is what its content
	// says already: what holds the content goes on from there.
	Said string
	// Plain says that what users and tools say in Messages, or what Prompt says, comes
	// from outside: the names of control tokens in it are ordinary text. What the
	// template writes stays what it is.
	Plain bool

	// Continue says that the last of Messages is the model's own, and that the answer
	// goes on with it: Output has what is new.
	Continue bool

	Tools     []jinja.Value  // for a conversation, also one that is Rendered: what may be called; see chat.Tools
	Variables *jinja.Dict    // for a conversation: further variables of the template
	Think     Think          // for a conversation
	Template  *chat.Template // for a conversation: in place of the model's
	// Before are tokens in front of what Messages become, which then go on with them:
	// a BOS that the template writes is left out. They are not checked for text.
	Before []int32

	Sampling  *Sampling // nil: what the model's publisher suggests
	MaxTokens int       // of the answer; 0: as many as the context has room for
	Stop      []string  // texts that end the answer, and are not part of it
	// StopTokens end the answer as the model's own end tokens do. An engine of another
	// process takes none.
	StopTokens []int32
	Guides     []Guide // what may come next; for this answer alone
	// Grammar, where not nil, is what the content of the answer matches. Reasoning before
	// it is free, and white space between the two. The error of Generate wraps those of
	// package grammar, or tokenizer.ErrNoTokenizer.
	Grammar *grammar.Grammar
	// Schema is a JSON Schema, in place of a Grammar: the model keeps what it compiles.
	Schema json.RawMessage
	// Calls say which of the Tools may be called, or have to be, and whether arguments hold
	// to their schemas; zero: as the model likes. Beside a Grammar calls may come in place
	// of content. The error of Generate wraps output.ErrCalls where the model's format
	// cannot hold them.
	Calls output.Calls
	// NoCalls says that what looks like a call is content as the model writes it.
	NoCalls bool
	// GuidesOf makes the guides of each answer of GenerateAll, in place of Guides.
	GuidesOf  func(i int) ([]Guide, error)
	Logprobs  bool // with the log-probability of each token
	TopTokens int  // and of that many best ones besides
	// Observe, where not nil, is shown each token of the answer with the logits that it
	// came from, before penalties and masks: [V], to be read during the call only. The
	// engine's goroutine calls it, and may be a little ahead of a stop text.
	Observe func(id int32, logits []float32)
	// ObserveOf makes what is shown the tokens of each answer of GenerateAll, in place of
	// Observe.
	ObserveOf func(i int) func(id int32, logits []float32)

	Tenant string // who asks: those who do share the machine fairly; "" is one of them, too
	Batch  bool   // nobody waits for it: it comes behind all requests that are not
	// Adapter is what adapts the model for this request; nil: nothing does. An engine of
	// another process takes none.
	Adapter *Adapter
}

// check says what is wrong with a request, before any work is done for it.
func (r *Request) check(m *Model) error {
	given := 0
	for _, is := range []bool{r.Messages != nil, r.Prompt != "", r.Tokens != nil} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return fmt.Errorf("blitz: a request has more than one of Messages, Prompt and Tokens: %w", ErrOption)
	case r.Messages == nil && (r.Tools != nil && !r.Rendered || r.Variables != nil || r.Before != nil):
		return fmt.Errorf("blitz: a request has Tools, Variables or Before, but no Messages: %w", ErrOption)
	case r.Said != "" && !r.Rendered:
		return fmt.Errorf("blitz: a request has Said, but is not Rendered: %w", ErrOption)
	case r.Schema != nil && r.Grammar != nil:
		return fmt.Errorf("blitz: a request has both a Grammar and a Schema: %w", ErrOption)
	case !r.Calls.IsZero() && r.Tools == nil:
		return fmt.Errorf("blitz: a request has Calls, but no Tools: %w", ErrOption)
	case r.Rendered && r.Tokens == nil:
		return fmt.Errorf("blitz: a request is rendered, but has no Tokens: %w", ErrOption)
	case r.Continue && (len(r.Messages) == 0 || r.Messages[len(r.Messages)-1].Role != "assistant"):
		return fmt.Errorf("blitz: Continue, and the last message is not the assistant's: %w", ErrOption)
	case r.Begun < 0 || r.Begun >= max(len(r.Tokens), 1):
		return fmt.Errorf("blitz: %d of %d Tokens are the beginning of the answer: %w", r.Begun, len(r.Tokens), ErrOption)
	case r.MaxTokens < 0:
		return fmt.Errorf("blitz: MaxTokens is %d, want 0 (any) or more: %w", r.MaxTokens, ErrOption)
	case r.TopTokens < 0 || r.TopTokens > m.VocabSize():
		return fmt.Errorf("blitz: TopTokens is %d, want 0 to %d: %w", r.TopTokens, m.VocabSize(), ErrOption)
	case r.Think.Mode > ThinkOff || r.Think.Budget < 0:
		return fmt.Errorf("blitz: Think is %d with a budget of %d: %w", r.Think.Mode, r.Think.Budget, ErrOption)
	}
	if _, err := r.Adapter.boundTo(m); err != nil {
		return err
	}
	if r.Sampling != nil {
		for id := range r.Sampling.LogitBias {
			if id < 0 || int(id) >= m.VocabSize() {
				return fmt.Errorf("blitz: LogitBias of token %d, want 0 to %d: %w", id, m.VocabSize()-1, ErrOption)
			}
		}
	}
	return nil
}

// Generate starts answering a request. ctx ends the answer when it is done. The
// error wraps ErrContext, ErrNoRoom, ErrNoTemplate, ErrOption, ErrPrompt, ErrTokens or
// ErrClosed, or tells what of the messages is wrong.
func (e *Engine) Generate(ctx context.Context, r Request) (*Answer, error) {
	all, err := e.GenerateAll(ctx, r, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// MaxAnswers is the most answers to one request.
const MaxAnswers = 128

// GenerateAll starts n answers to a request, 1 to MaxAnswers, which share what is computed
// of the prompt. Answer i is what Generate gives with the seed of the first, plus i, and
// with the guides that GuidesOf makes of i. Observe, where set, is shown the tokens of
// all. The errors are those of Generate; then no answer is started.
func (e *Engine) GenerateAll(ctx context.Context, r Request, n int) (all []*Answer, err error) {
	switch {
	case n < 1 || n > MaxAnswers:
		return nil, fmt.Errorf("blitz: %d answers, want 1 to %d: %w", n, MaxAnswers, ErrOption)
	case n > 1 && len(r.Guides) > 0:
		return nil, fmt.Errorf("blitz: %d answers, and Guides for one: GuidesOf makes those of each: %w", n, ErrOption)
	case len(r.Guides) > 0 && r.GuidesOf != nil:
		return nil, fmt.Errorf("blitz: a request has both Guides and GuidesOf: %w", ErrOption)
	}
	first, err := e.newAnswer(&r)
	if err != nil {
		return nil, err
	}
	p, err := e.prompt(ctx, &r)
	if err != nil {
		return nil, err
	}
	seed := first.settings.Seed
	for i := range n {
		a := first
		if i > 0 {
			sibling := *first
			a = &sibling
			a.settings.Seed = seed + uint64(i)
		}
		if all = append(all, a); r.GuidesOf == nil {
			continue
		}
		if a.guides, err = r.GuidesOf(i); err != nil {
			return nil, fmt.Errorf("blitz: guides of answer %d: %w", i, err)
		}
	}
	for _, a := range all {
		a.prior = p.ids[len(p.ids)-r.Begun:]
		if err := errors.Join(a.reader(&r, p), a.constrain(&r, p)); err != nil {
			return nil, err
		}
		if r.Begun > 0 {
			if err := a.replay(); err != nil {
				return nil, err
			}
		}
	}
	return all, e.start(ctx, &r, p, all...)
}

// newAnswer returns the answer to a request, which it checks.
func (e *Engine) newAnswer(r *Request) (*Answer, error) {
	stop, err := newStopTexts(slices.Clone(r.Stop))
	a := &Answer{engine: e, started: time.Now(), stop: stop, guides: r.Guides}
	if err := errors.Join(r.check(e.model), err); err != nil {
		return nil, err
	}
	sampling := r.Sampling
	if sampling == nil {
		s, _ := e.model.Sampling()
		sampling = &s
	}
	a.settings = sampling.resolve()
	a.settings.LogitBias = maps.Clone(a.settings.LogitBias)
	a.settings.MaxTokens, a.settings.Stop, a.settings.Think = r.MaxTokens, a.stop.texts, r.Think
	return a, nil
}

// start gives answers to the engine.
func (e *Engine) start(ctx context.Context, r *Request, p prompt, all ...*Answer) error {
	if e.far != nil {
		return e.ask(ctx, r, p, all)
	}
	var requests []engine.Request
	for i, a := range all {
		x := a.request(ctx, r, p)
		if r.ObserveOf != nil {
			x.Observe = r.ObserveOf(i)
		}
		requests = append(requests, x)
	}
	streams, err := e.run.SubmitAll(ctx, requests...)
	for i, a := range all {
		if err != nil {
			a.cancel(err)
			continue
		}
		a.stream = streams[i]
	}
	return err
}

// request returns what the engine is asked for. The answer's context begins with it.
func (a *Answer) request(ctx context.Context, r *Request, p prompt) engine.Request {
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.prompt, a.open = p.ids, p.open
	x := engine.Request{
		Tokens: p.ids, MaxTokens: r.MaxTokens, Sampling: a.settings.draw(), Stop: slices.Concat(a.engine.model.stops, r.StopTokens), Logprobs: -1, Observe: r.Observe,
		Done: a.ctx,
	}
	x.Owner, _ = a.engine.owner(r.Tenant, r.Batch, r.Adapter) // which was checked
	if r.Logprobs || r.TopTokens > 0 {
		x.Logprobs = r.TopTokens
	}
	if a.budget != nil {
		x.Guides = append(x.Guides, a.budget)
	}
	if a.held != nil {
		x.Guides = append(x.Guides, a.held)
	}
	for _, g := range a.guides {
		x.Guides = append(x.Guides, g)
	}
	a.guided = a.guided || a.held != nil || len(a.guides) > 0
	return x
}

// reader makes what the answer is read with.
func (a *Answer) reader(r *Request, p prompt) error {
	m := a.engine.model
	if m.tokens == nil {
		if len(r.Stop) > 0 {
			return fmt.Errorf("blitz: stop texts, and the model gives token ids only: %w", tokenizer.ErrNoTokenizer)
		}
		return nil
	}
	a.tokens, a.text = m.tokens, m.tokens.NewStream()
	format := m.formatOf(r, p)
	if format == "" {
		return nil
	}
	var err error
	if a.parser, err = newParser(format, r.Tools, output.Options{Open: p.open, NoCalls: r.NoCalls}); err != nil {
		return err
	}
	if r.Think.Budget > 0 {
		a.budget, err = newThinkBudget(m.tokens, format, r.Think.Budget, output.Options{Open: p.open, NoCalls: r.NoCalls})
	}
	return err
}

// formatOf returns the form in which an answer is written, "" where it is plain text.
func (m *Model) formatOf(r *Request, p prompt) string {
	switch {
	case !p.chat:
		return ""
	case r.Template != nil:
		return output.FormatOf(r.Template)
	}
	return m.format
}

// newParser returns a parser of a format; the tools tell what its models
// leave out.
func newParser(format string, tools []jinja.Value, o output.Options) (*output.Parser, error) {
	if output.AsksTools(format) {
		var err error
		if o.Tools, err = rawTools(tools); err != nil {
			return nil, err
		}
	}
	return output.NewParser(format, o)
}

// rawTools returns the JSON of tools.
func rawTools(tools []jinja.Value) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for i, t := range tools {
		text, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("blitz: tools[%d]: %w", i, err)
		}
		all = append(all, text)
	}
	return all, nil
}

// prompt is what a model is given.
type prompt struct {
	ids  []int32
	chat bool // it is a conversation
	open bool // it ends inside reasoning
}

// prompt makes the prompt of a request.
func (e *Engine) prompt(ctx context.Context, r *Request) (prompt, error) {
	t := e.model.tokens
	switch {
	case r.Tokens != nil:
		p := prompt{ids: slices.Clone(r.Tokens), chat: r.Rendered}
		if p.chat && t != nil {
			text, err := t.Decode(p.ids[:len(p.ids)-r.Begun])
			if err != nil {
				return p, fmt.Errorf("blitz: %w: %w", err, ErrTokens)
			}
			p.open = output.OpensReasoning(text)
		}
		return p, nil
	case t == nil:
		return prompt{}, fmt.Errorf("blitz: the model takes token ids only: %w", tokenizer.ErrNoTokenizer)
	case r.Messages == nil:
		flags := tokenizer.AddSpecial
		if r.Plain {
			flags |= tokenizer.Plain
		}
		ids, err := t.Encode(r.Prompt, flags)
		return prompt{ids: ids}, err
	}
	p, err := e.model.chatPrompt(ctx, r)
	if err != nil || len(r.Before) == 0 {
		return p, err
	}
	if len(p.ids) > 0 && p.ids[0] == t.BOS() {
		p.ids = p.ids[1:]
	}
	p.ids = slices.Concat(r.Before, p.ids)
	return p, nil
}

// chatPrompt makes the prompt of a conversation.
func (m *Model) chatPrompt(ctx context.Context, r *Request) (prompt, error) {
	if r.Plain {
		return m.plainPrompt(ctx, r)
	}
	text, err := m.Render(ctx, r)
	if err != nil {
		return prompt{}, err
	}
	ids, err := m.tokens.Encode(text, 0)
	return prompt{ids, true, output.OpensReasoning(text)}, err
}

// Render returns the prompt of a conversation as the model's template, or that of the
// request, writes it. What stands before it is not part of that.
func (m *Model) Render(ctx context.Context, r *Request) (string, error) {
	t := r.Template
	if t == nil {
		var err error
		if t, err = m.Template(); err != nil {
			return "", err
		}
	}
	variables := m.variables()
	if r.Think.Mode != ThinkDefault {
		on := jinja.Bool(r.Think.Mode == ThinkOn)
		variables.Set("enable_thinking", on) // Qwen3, GLM
		variables.Set("thinking", on)        // DeepSeek from V3.1 on, Granite
	}
	variables.Merge(r.Variables)
	text, err := t.RenderChat(ctx, &chat.Chat{Messages: r.Messages, Tools: r.Tools, AddGenerationPrompt: !r.Continue, Variables: variables})
	if err != nil {
		return "", fmt.Errorf("blitz: chat template: %w", err)
	}
	if r.Continue {
		return continued(text, r.Messages)
	}
	if r.Think.Mode == ThinkOff {
		text = withoutThinking(text, t)
	}
	return text, nil
}

// PromptIDs returns the tokens of the prompt that a request makes, without answering it.
// The errors are those of Generate that are about the prompt.
func (e *Engine) PromptIDs(ctx context.Context, r Request) ([]int32, error) {
	if err := r.check(e.model); err != nil {
		return nil, err
	}
	p, err := e.prompt(ctx, &r)
	return p.ids, err
}
