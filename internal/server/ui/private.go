package ui

import (
	"net/http"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

func (u *UI) privateRoutes() []wire.Route {
	return []wire.Route{{Pattern: "POST /ui/api/private", Scope: wire.Inference, Handle: u.private}}
}

// privateAsk is a conversation of which nothing is kept.
type privateAsk struct {
	Parameters history.Parameters `json:"parameters"`
	Messages   []privateMessage   `json:"messages"`
	Continue   bool               `json:"continue"` // the last message is an answer that goes on
}

// privateMessage is a message with all that the model reads of it: the server has no other
// place to look.
type privateMessage struct {
	Role      string             `json:"role"`
	Content   string             `json:"content"`
	Reasoning string             `json:"reasoning"`
	Files     []history.FileText `json:"files"`
	Calls     []history.Call     `json:"calls"`
	Results   []history.Result   `json:"results"`
}

// private answers a conversation that is nowhere but in the page. The answer ends with the
// connection.
func (u *UI) private(w http.ResponseWriter, r *http.Request) error {
	var in privateAsk
	if err := readBody(r, &in); err != nil {
		return err
	}
	path, err := in.path()
	if err != nil {
		return err
	}
	request, err := u.ask(r.Context(), &in.Parameters, conversation(nil, path))
	if err != nil {
		return err
	}
	request.Continue, request.Private = in.Continue, true
	answers, err := u.service.Answer(r.Context(), request)
	if err != nil {
		return err
	}
	defer answers.Close()
	p := &privateStream{out: wire.NewEvents(w), message: history.Message{
		ID: wire.NewID(""), Role: history.Assistant, Model: request.Model, Status: history.Running, Created: history.TimeOf(time.Now()),
	}}
	defer p.out.Close()
	_ = p.out.Send("message", p.message) // who is gone ends the request, too
	var thought stopwatch
	err = read(answers, &thought, p.add)
	p.flush()
	if r.Context().Err() != nil {
		return nil
	}
	m := p.message
	m.Content, m.Reasoning = p.content.String(), p.reasoning.String()
	end := u.ended(r.Context(), answers.Choice(0), err)
	m.Status, m.Error, m.Calls, m.Figures = end.Status, end.Error, end.Calls, figuresOf(answers, &thought)
	_ = p.out.Send("message", m)
	return nil
}

// path returns the conversation as the model reads it.
func (in *privateAsk) path() ([]history.Message, error) {
	if len(in.Messages) == 0 {
		return nil, wire.Refuse("messages", "messages is empty")
	}
	list := make([]history.Message, len(in.Messages))
	for i, m := range in.Messages {
		if m.Role != history.User && m.Role != history.Assistant && m.Role != history.Tool {
			return nil, wire.Refuse("messages", "messages has the role %s, want user, assistant or tool", wire.Quote(m.Role))
		}
		list[i] = history.Message{Role: m.Role, Content: m.Content, Reasoning: m.Reasoning, Files: m.Files, Calls: m.Calls, Results: m.Results}
	}
	if last := in.Messages[len(in.Messages)-1]; in.Continue && (last.Role != history.Assistant || strings.TrimSpace(last.Content) == "") {
		return nil, wire.Refuse("continue", "the last message is to be gone on with, and is no answer with text")
	}
	return list, nil
}

// privateStream tells of an answer as it comes.
type privateStream struct {
	out                *wire.Events
	message            history.Message
	content, reasoning strings.Builder
	pending            delta
	seq                int64
	told               time.Time
}

// add takes in what a token brought.
func (p *privateStream) add(deltas []output.Delta, c counts) {
	p.pending.add(deltas, c)
	if time.Since(p.told) >= deltaPause {
		p.flush()
	}
}

// flush tells what was not told yet. Who is gone ends the request, too.
func (p *privateStream) flush() {
	if !p.pending.any {
		return
	}
	p.seq++
	e := p.pending.event(p.message.ID, p.seq)
	p.content.WriteString(e.Content)
	p.reasoning.WriteString(e.Reasoning)
	p.pending, p.told = delta{}, time.Now()
	_ = p.out.Send(eventDelta, e)
}
