package ui

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// run is an answer under way. It goes on when nobody looks.
type run struct {
	ui     *UI
	tenant string
	at     place
	ctx    context.Context
	cancel context.CancelCauseFunc

	// What is known of the answer, guarded by hub.mu: it is told and shown.
	message            history.Message // without what follows
	content, reasoning strings.Builder
	seq                int64
	counts             counts
	before             counts       // of an answer that goes on, when it began to
	ended              *history.End // how, which is being written down; nil: it runs

	// Guarded by mu: what came and was not told yet.
	mu      sync.Mutex
	pending delta
	told    time.Time   // when something was told last
	timer   *time.Timer // tells what waits; nil: nothing does
	over    bool
}

// counts are the tokens so far.
type counts struct {
	tokens, reasoning int
	thinking          bool
}

// delta is what was added to an answer.
type delta struct {
	content, reasoning strings.Builder
	counts
	any bool
}

// The causes of an answer's end that no model brought about.
var (
	errStopped     = errors.New("ui: the answer was stopped")
	errInterrupted = errors.New("ui: the server ends")
)

// Bounds of a run.
const (
	deltaPause    = 30 * time.Millisecond // between what is told
	progressPause = time.Second           // between what is written down
	maxAnswer     = 8 << 20               // bytes of an answer, which ends there
)

// isOf says whether a message of the store is what the run writes. Where files have no locks,
// a process that opens the same file takes the answers of this one for interrupted. hub.mu is
// held.
func (r *run) isOf(m *history.Message) bool {
	return m.Status == history.Running || m.Status == history.Interrupted
}

// overlay writes into a message what is newer here. hub.mu is held.
func (r *run) overlay(m *history.Message) {
	m.Content, m.Reasoning, m.Status = r.content.String(), r.reasoning.String(), history.Running
	m.Seq, m.Tokens, m.ReasoningTokens, m.Thinking = r.seq, r.counts.tokens, r.counts.reasoning, r.counts.thinking
	if e := r.ended; e != nil {
		m.Content, m.Reasoning, m.Calls, m.Status, m.Error, m.Figures = e.Content, e.Reasoning, e.Calls, e.Status, e.Error, e.Figures
		m.Seq, m.Tokens, m.ReasoningTokens, m.Thinking = 0, 0, 0, false
	}
}

// add adds what a token brought.
func (d *delta) add(deltas []output.Delta, c counts) {
	for _, one := range deltas {
		text := strings.ToValidUTF8(one.Text, "\ufffd")
		switch one.Kind {
		case output.DeltaReasoning:
			d.reasoning.WriteString(text)
		case output.DeltaContent:
			d.content.WriteString(text)
		}
	}
	d.counts, d.any = c, true
}

// event returns what is told of it.
func (d *delta) event(message string, seq int64) deltaEvent {
	return deltaEvent{
		Message: message, Seq: seq, Content: d.content.String(), Reasoning: d.reasoning.String(),
		Tokens: d.tokens, ReasoningTokens: d.counts.reasoning, Thinking: d.thinking,
	}
}

// add takes in what a token brought, and tells of it when it is time.
func (r *run) add(deltas []output.Delta, c counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.tokens += r.before.tokens
	c.reasoning += r.before.reasoning
	r.pending.add(deltas, c)
	switch wait := deltaPause - time.Since(r.told); {
	case wait <= 0:
		r.flush()
	case r.timer == nil:
		r.timer = time.AfterFunc(wait, r.due)
	}
}

// due tells what waited long enough.
func (r *run) due() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	r.flush()
}

// end tells the rest.
func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	if r.pending.any {
		r.tell()
	}
}

// flush tells what came, unless the answer is over. r.mu is held.
func (r *run) flush() {
	if r.pending.any && !r.over {
		r.tell()
	}
}

func (r *run) tell() {
	h := r.ui.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	r.seq++
	e := r.pending.event(r.at.message, r.seq)
	r.content.WriteString(e.Content)
	r.reasoning.WriteString(e.Reasoning)
	r.counts = r.pending.counts
	h.audience(r.tenant).tell(r.at.chat, eventDelta, e)
	r.pending, r.told = delta{}, time.Now()
}

// said returns what there is of the answer.
func (r *run) said() (content, reasoning string) {
	h := r.ui.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	return r.content.String(), r.reasoning.String()
}

// work answers, and has the store keep what came.
func (r *run) work(goOn bool) {
	kept := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(kept)
		r.keepAlong(stop)
	}()
	end := r.answerSafely(goOn)
	if end.Figures == nil && goOn {
		end.Figures = r.message.Figures
	}
	r.end()
	close(stop)
	<-kept
	end.Content, end.Reasoning = r.said()
	r.finish(end)
}

// keepAlong writes down what there is of the answer now and then: so much a kill may take.
// A long answer is written less often, for it is written whole.
func (r *run) keepAlong(stop <-chan struct{}) {
	size := 0
	for {
		select {
		case <-stop:
			return
		case <-time.After(progressPause + time.Duration(size>>18)*time.Second):
		}
		content, reasoning := r.said()
		if len(content)+len(reasoning) == size {
			continue
		}
		size = len(content) + len(reasoning)
		err := r.ui.o.Store.Progress(context.WithoutCancel(r.ctx), r.tenant, r.at.chat, r.at.message, history.Progress{Content: content, Reasoning: reasoning})
		if err != nil {
			r.ui.o.Log.Warn("what there is of an answer cannot be written down", "error", err)
		}
	}
}

// answerSafely answers, and holds what the engine does wrong: no frame of a request is
// around a run. What panicked may have words of a prompt in it, and is not told.
func (r *run) answerSafely(goOn bool) (end history.End) {
	defer func() {
		if fault := recover(); fault != nil {
			r.ui.o.Log.Error("an answer failed", "stack", wire.Stack())
			end = history.End{Status: history.Failed, Error: "the server failed to answer"}
		}
	}()
	return r.answer(goOn)
}

// answer has the model answer, and returns how that ended, without the text.
func (r *run) answer(goOn bool) history.End {
	request, err := r.request(goOn)
	if err != nil {
		return r.ui.failed(r.ctx, err)
	}
	answers, err := r.ui.service.Answer(r.ctx, request)
	if err != nil {
		return r.ui.failed(r.ctx, err)
	}
	defer answers.Close()
	var thought stopwatch
	err = read(answers, &thought, r.add)
	end := r.ui.ended(r.ctx, answers.Choice(0), err)
	end.Figures = figuresOf(answers, &thought)
	if old := r.message.Figures; goOn && old != nil {
		addFigures(end.Figures, old)
	}
	return end
}

// request returns what the model is asked: the path to what is answered, or to the answer
// itself that goes on.
func (r *run) request(goOn bool) (*inference.Request, error) {
	leaf := r.message.Parent
	if goOn {
		leaf = r.at.message
	}
	c, path, err := r.ui.o.Store.Path(r.ctx, r.tenant, r.at.chat, leaf)
	if err != nil {
		return nil, chatError(err)
	}
	request, err := r.ui.ask(r.ctx, r.message.Parameters, conversation(c.Cuts, path))
	if err != nil || !goOn {
		return request, err
	}
	request.Continue = true
	if strings.TrimSpace(path[len(path)-1].Content) == "" {
		return nil, wire.Refuse("messages", "there is no text yet that the answer could go on with; answer anew")
	}
	return request, nil
}

// failed says how an answer ended that an error ended. ctx is its own.
func (u *UI) failed(ctx context.Context, err error) history.End {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errStopped):
		return history.End{Status: history.Stopped}
	case errors.Is(cause, errInterrupted):
		return history.End{Status: history.Interrupted}
	case errors.Is(err, errTooLong):
		return history.End{Status: history.Length}
	}
	e := wire.AsError(err)
	if e.Kind == wire.Internal {
		u.o.Log.Error("an answer failed", "error", err)
	}
	return history.End{Status: history.Failed, Error: e.Message}
}

// ended says how an answer ended. ctx is its own; err is what reading it gave.
func (u *UI) ended(ctx context.Context, answer *blitz.Answer, err error) history.End {
	if err != nil {
		return u.failed(ctx, err)
	}
	switch answer.Finish().Reason {
	case blitz.FinishLength, blitz.FinishContext:
		return history.End{Status: history.Length}
	case blitz.FinishCancelled, blitz.FinishError:
		return u.failed(ctx, answer.Err())
	}
	end := history.End{Status: history.Complete, Calls: callsOf(answer.Output())}
	if len(end.Calls) > 0 {
		end.Status = history.Calls
	}
	return end
}

// callsOf returns the calls of an answer, each with an id.
func callsOf(said output.Output) (list []history.Call) {
	for _, c := range said.ToolCalls {
		id := c.ID
		if id == "" {
			id = wire.NewID("call_")
		}
		list = append(list, history.Call{ID: id, Name: c.Name, Arguments: c.Arguments})
	}
	return list
}
