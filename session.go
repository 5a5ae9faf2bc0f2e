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
	// Guides belong to one answer, so they are to be put in anew for each.
	Request Request
	// Messages are the turns so far; they may be changed between turns.
	Messages []chat.Message

	engine *Engine
	answer *Answer        // under way, or not settled yet
	asked  []chat.Message // what it answers, as Ask added it
	last   *Answer        // the last that was settled
	reply  chat.Message   // what it became
	undone []chat.Message // a question that was taken back, since nothing of its answer was read
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
// conversation as far as it was read when the next turn begins, or Settle is called.
func (s *Session) Ask(ctx context.Context, text string) (*Answer, error) {
	return s.Send(ctx, chat.User(text))
}

// Send adds messages, such as a question or the results of calls (chat.Result), and starts answering
// the conversation. None at all answers it as it stands.
func (s *Session) Send(ctx context.Context, messages ...chat.Message) (*Answer, error) {
	s.Settle()
	r := s.Request
	r.Messages = slices.Concat(s.Messages, messages)
	a, err := s.engine.Generate(ctx, r)
	if err != nil {
		return nil, err
	}
	s.Messages, s.answer, s.asked, s.undone = r.Messages, a, slices.Clone(messages), nil
	return a, nil
}

// Settle closes the answer under way and makes it part of the conversation, as far as
// it was read. An answer that was cut before any of it was read leaves nothing: what it
// was asked by is taken back too, so that turns stay in order.
func (s *Session) Settle() {
	a := s.answer
	if a == nil {
		return
	}
	a.conclude(Finish{Reason: FinishCancelled}, nil)
	s.answer = nil
	out := a.Output()
	m := chat.Message{Role: "assistant", ToolCalls: wholeCalls(out.ToolCalls)}
	if out.Content != nil {
		m.Content = jinja.String(*out.Content)
	}
	if out.ReasoningContent != nil {
		m.ReasoningContent = *out.ReasoningContent
	}
	empty := out.Content == nil && out.ReasoningContent == nil && len(m.ToolCalls) == 0
	if r := a.Finish().Reason; empty && (r == FinishCancelled || r == FinishError) {
		if n := len(s.Messages) - len(s.asked); n >= 0 {
			s.Messages, s.undone = s.Messages[:n:n], s.asked
		}
		return
	}
	s.Messages = append(s.Messages, m)
	s.last, s.reply = a, m
}

// Retry takes back what the model said last and answers again, with another seed where
// none is set. The error wraps ErrNoTurn where there is nothing to answer.
func (s *Session) Retry(ctx context.Context) (*Answer, error) {
	s.Settle()
	if s.undone != nil {
		return s.Send(ctx, s.undone...)
	}
	n := len(s.Messages)
	for n > 0 && s.Messages[n-1].Role == "assistant" {
		n--
	}
	if n == 0 || s.Messages[n-1].Role == "system" {
		return nil, ErrNoTurn
	}
	before := s.Messages
	s.Messages = s.Messages[:n:n]
	a, err := s.Send(ctx)
	if err != nil {
		s.Messages = before
	}
	return a, err
}

// Undo takes back the last thing that the user said, and all that came behind it. It
// says whether there was any.
func (s *Session) Undo() bool {
	s.Settle()
	s.undone = nil
	for n := len(s.Messages) - 1; n >= 0; n-- {
		if s.Messages[n].Role == "user" {
			s.Messages = s.Messages[:n:n]
			return true
		}
	}
	return false
}

// Continue goes on with the last answer, which was cut by its length, by the context or
// by its reader: the tokens come as if it had not been cut, but for draws of their own.
// The Output of the answer it returns has what was said before, too, and replaces that in
// the conversation. The error wraps ErrNoTurn where the last answer was whole, or
// Messages were changed since.
func (s *Session) Continue(ctx context.Context) (*Answer, error) {
	s.Settle()
	n := len(s.Messages)
	if s.last == nil || n == 0 || !same(&s.Messages[n-1], &s.reply) {
		return nil, ErrNoTurn
	}
	switch s.last.Finish().Reason {
	case FinishLength, FinishContext, FinishCancelled:
	default:
		return nil, ErrNoTurn
	}
	a, err := s.engine.resume(ctx, s.Request, s.last)
	if err != nil {
		return nil, err
	}
	s.Messages, s.answer, s.asked, s.last = s.Messages[:n-1:n-1], a, nil, nil
	return a, nil
}

// same says whether a message is still what an answer became.
func same(a, b *chat.Message) bool {
	x, isText := a.Content.Text()
	y, wasText := b.Content.Text()
	return a.Role == b.Role && x == y && isText == wasText && a.Content.IsNone() == b.Content.IsNone() && a.ReasoningContent == b.ReasoningContent && slices.Equal(a.ToolCalls, b.ToolCalls)
}

// wholeCalls leaves out a last call that was cut short: no template can write its
// arguments again.
func wholeCalls(calls []chat.ToolCall) []chat.ToolCall {
	if n := len(calls); n > 0 && !json.Valid([]byte(calls[n-1].Arguments)) {
		return calls[:n-1]
	}
	return calls
}
