package blitz

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Think says how much a model may reason before it answers.
type Think struct {
	Mode   ThinkMode
	Budget int // reasoning tokens of an answer in a conversation; 0: as many as it likes
}

// ThinkMode switches reasoning, for models that have it.
type ThinkMode uint8

// The modes.
const (
	ThinkDefault ThinkMode = iota // as the model's template does
	ThinkOn
	ThinkOff
)

// Request is what a user asks. One of Messages, Prompt and Tokens is set.
type Request struct {
	Messages []chat.Message // a conversation, rendered by the model's template
	Prompt   string         // text to continue as it is, with BOS where the model wants it
	Tokens   []int32        // ids to continue as they are

	Tools     []jinja.Value // for a conversation: what may be called; see chat.Tool
	Variables *jinja.Dict   // for a conversation: further variables of the template
	Think     Think

	Sampling  *Sampling // nil: what the model's publisher suggests
	MaxTokens int       // of the answer; 0: as many as the context has room for
	Stop      []string  // texts that end the answer, and are not part of it
	Logprobs  bool      // with the log-probability of each token
	TopTokens int       // and of that many best ones besides
}

// Generate starts answering a request. ctx ends the answer when it is done. The
// error wraps ErrContext, ErrNoRoom or ErrNoTemplate, or tells what of the request
// is wrong.
func (e *Engine) Generate(ctx context.Context, r Request) (*Answer, error) {
	started := time.Now()
	ids, open, err := e.prompt(ctx, &r)
	if err != nil {
		return nil, err
	}
	sampling := r.Sampling
	if sampling == nil {
		s, _ := e.model.Sampling()
		sampling = &s
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &Answer{cancelled: ctx.Err, cancel: cancel, stop: r.Stop, prompt: ids, started: started}
	if t := e.model.tokens; t != nil {
		a.tokens, a.text = t, t.NewStream()
		if r.Messages != nil && e.model.format != "" {
			if a.parser, err = newParser(e.model.format, r.Tools, open); err != nil {
				cancel()
				return nil, err
			}
		}
	}
	request := engine.Request{
		Tokens: ids, MaxTokens: r.MaxTokens, Sampling: sampling.settings(), Stop: e.model.stops,
		Allowed: sampling.Allowed, Logprobs: -1,
	}
	if r.Logprobs || r.TopTokens > 0 {
		request.Logprobs = r.TopTokens
	}
	if r.Think.Budget > 0 && a.parser != nil {
		b, err := newThinkBudget(e.model.tokens, e.model.format, r.Think.Budget, open)
		if err != nil {
			cancel()
			return nil, err
		}
		request.After = b.after
	}
	if a.stream, err = e.run.Submit(ctx, request); err != nil {
		cancel()
		return nil, err
	}
	return a, nil
}

// newParser returns a parser of a format. Where values are written without their types
// the tools tell them.
func newParser(format string, tools []jinja.Value, open bool) (*output.Parser, error) {
	o := output.Options{Open: open}
	if strings.HasPrefix(format, "glm-") {
		for i, t := range tools {
			text, err := json.Marshal(t)
			if err != nil {
				return nil, fmt.Errorf("blitz: tools[%d]: %w", i, err)
			}
			o.Tools = append(o.Tools, text)
		}
	}
	return output.NewParser(format, o)
}

// prompt returns the tokens of a request, and whether they end inside reasoning.
func (e *Engine) prompt(ctx context.Context, r *Request) (ids []int32, open bool, err error) {
	switch {
	case r.Tokens != nil:
		return r.Tokens, false, nil
	case e.model.tokens == nil:
		return nil, false, fmt.Errorf("blitz: the model takes token ids only: %w", tokenizer.ErrNoTokenizer)
	case r.Messages == nil:
		ids, err = e.model.tokens.Encode(r.Prompt, tokenizer.AddSpecial)
		return ids, false, err
	}
	text, err := e.model.Render(ctx, r)
	if err != nil {
		return nil, false, err
	}
	ids, err = e.model.tokens.Encode(text, 0)
	return ids, output.OpensReasoning(text), err
}

// Render returns the prompt of a conversation as the model's template writes it.
func (m *Model) Render(ctx context.Context, r *Request) (string, error) {
	t, err := m.Template()
	if err != nil {
		return "", err
	}
	variables := m.variables()
	if r.Think.Mode != ThinkDefault {
		on := jinja.Bool(r.Think.Mode == ThinkOn)
		variables.Set("enable_thinking", on) // Qwen3, GLM
		variables.Set("thinking", on)        // DeepSeek from V3.1 on, Granite
	}
	variables.Merge(r.Variables)
	text, err := t.RenderChat(ctx, &chat.Chat{Messages: r.Messages, Tools: r.Tools, AddGenerationPrompt: true, Variables: variables})
	if err != nil {
		return "", fmt.Errorf("blitz: chat template: %w", err)
	}
	if r.Think.Mode == ThinkOff {
		text = withoutThinking(text, t)
	}
	return text, nil
}
