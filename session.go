package blitz

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
)

// Session is a conversation on an engine: it keeps the messages, and what they have
// in common with earlier turns is not computed again. One goroutine uses it.
type Session struct {
	// Request is what every turn asks beside its messages: sampling, tools, Think …
	Request Request
	// Messages are the turns so far; they may be changed between turns.
	Messages []chat.Message

	engine *Engine
	answer *Answer
}

// NewSession starts a conversation. r, which may be nil, says how every turn is
// asked; its Messages, which are copied, are the beginning, such as a system message.
func (e *Engine) NewSession(r *Request) *Session {
	s := &Session{engine: e}
	if r != nil {
		s.Request, s.Messages = *r, slices.Clone(r.Messages)
	}
	return s
}

// Ask adds what the user says and starts answering. The answer becomes part of the
// conversation as far as it was read when the next Ask begins.
func (s *Session) Ask(ctx context.Context, text string) (*Answer, error) {
	s.Settle()
	messages := append(s.Messages, chat.Message{Role: "user", Content: jinja.String(text)})
	r := s.Request
	r.Messages = messages
	a, err := s.engine.Generate(ctx, r)
	if err != nil {
		return nil, err
	}
	s.Messages, s.answer = messages, a
	return a, nil
}

// Settle makes the answer under way part of the conversation, as far as it was read.
func (s *Session) Settle() {
	if s.answer == nil {
		return
	}
	out := s.answer.Output()
	s.answer.Close()
	s.answer = nil
	m := chat.Message{Role: "assistant", ToolCalls: wholeCalls(out.ToolCalls)}
	if out.Content != nil {
		m.Content = jinja.String(*out.Content)
	}
	if out.ReasoningContent != nil {
		m.ReasoningContent = *out.ReasoningContent
	}
	s.Messages = append(s.Messages, m)
}

// wholeCalls leaves out a last call that was cut short: no template can write its
// arguments again.
func wholeCalls(calls []chat.ToolCall) []chat.ToolCall {
	if n := len(calls); n > 0 && !json.Valid([]byte(calls[n-1].Arguments)) {
		return calls[:n-1]
	}
	return calls
}
