package ollama

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// reply is the answer to generate or chat.
type reply struct {
	*asked
	began  time.Time
	writer writer
	calls  calls
}

// piece is what a line adds to the answer.
type piece struct {
	content, thinking string
	calls             []call
	logprobs          []logprob
}

func (p *piece) isEmpty() bool {
	return p.content == "" && p.thinking == "" && len(p.calls) == 0 && len(p.logprobs) == 0
}

// add puts another piece behind p.
func (p *piece) add(next piece) {
	p.content += next.content
	p.thinking += next.thinking
	p.calls = append(p.calls, next.calls...)
	p.logprobs = append(p.logprobs, next.logprobs...)
}

// writer makes the lines of generate or of chat.
type writer interface {
	line(head head, p piece) any
	// last makes the line behind the answer; context is the conversation so far.
	last(head head, p piece, e ending, context func() []int32) any
}

// head begins each line.
type head struct {
	Model     string    `json:"model"`
	CreatedAt time.Time `json:"created_at"`
}

// ending is what the last line tells; times are in nanoseconds.
type ending struct {
	Done               bool          `json:"done"`
	DoneReason         string        `json:"done_reason,omitempty"`
	TotalDuration      time.Duration `json:"total_duration,omitempty"`
	LoadDuration       time.Duration `json:"load_duration,omitempty"`
	PromptEvalCount    int           `json:"prompt_eval_count,omitempty"`
	PromptEvalDuration time.Duration `json:"prompt_eval_duration,omitempty"`
	EvalCount          int           `json:"eval_count,omitempty"`
	EvalDuration       time.Duration `json:"eval_duration,omitempty"`
	Receipt            string        `json:"receipt,omitempty"` // in a stream
}

func (a *reply) head() head { return head{a.model, time.Now().UTC()} }

// answer has the model answer, and writes that in lines or at once.
func (d *dialect) answer(w http.ResponseWriter, r *http.Request, a *reply) error {
	answers, err := d.service.Answer(r.Context(), &a.request)
	if err != nil {
		return err
	}
	defer answers.Close()
	answers.Tell(w, nil)
	context := func() []int32 { return answers.Turn(r.Context(), 0) }
	if !a.stream {
		var whole piece
		for event, err := range answers.Events() {
			if err != nil {
				return err
			}
			whole.add(a.read(event, answers))
		}
		wire.WriteJSON(w, http.StatusOK, a.writer.last(a.head(), whole, a.ending(answers), context))
		return nil
	}
	lines := wire.NewLines(w)
	for event, err := range answers.Events() {
		if err != nil {
			if !lines.Begun() {
				return err
			}
			_ = lines.Send(errorLine(wire.AsError(err))) // nobody else can be told
			return nil
		}
		if p := a.read(event, answers); !p.isEmpty() {
			if lines.Send(a.writer.line(a.head(), p)) != nil {
				return nil // the client is gone
			}
		}
	}
	_ = lines.Send(a.writer.last(a.head(), piece{}, a.ending(answers), context))
	return nil
}

// read returns what an event adds.
func (a *reply) read(e inference.Event, answers *inference.Answers) piece {
	t := e.Token
	if e.Over {
		return piece{calls: a.calls.finish(isCut(answers))}
	}
	p := piece{content: t.Content(), thinking: t.Reasoning(), calls: a.calls.read(t.Deltas)}
	if a.request.Logprobs && !t.End {
		p.logprobs = []logprob{newLogprob(t, answers.Engine().Model())}
	}
	return p
}

// ending returns the counts and times of an answer.
func (a *reply) ending(answers *inference.Answers) ending {
	u := answers.Usage()
	e := ending{
		Done: true, DoneReason: "stop", LoadDuration: max(answers.Load(), 1),
		PromptEvalCount: u.PromptTokens, PromptEvalDuration: max(u.Prefill, 1), EvalCount: u.OutputTokens, EvalDuration: max(u.Decode, 1),
	}
	if isCut(answers) {
		e.DoneReason = "length"
	}
	if a.stream {
		e.Receipt = answers.Receipts()
	}
	e.TotalDuration = time.Since(a.began)
	return e
}

// isCut says whether the answer had no room to come to its end.
func isCut(answers *inference.Answers) bool {
	reason := answers.Choice(0).Finish().Reason
	return reason == blitz.FinishLength || reason == blitz.FinishContext
}

// load has a model be there, or not, for a request that asks nothing.
func (d *dialect) load(w http.ResponseWriter, r *http.Request, a *reply) error {
	e := ending{Done: true, DoneReason: "load"}
	if keep := a.request.KeepAlive; keep != nil && *keep == 0 {
		e.DoneReason = "unload"
		if err := d.service.Unload(r.Context(), a.model); err != nil {
			return err
		}
		if err := d.audit(r.Context(), "model.unload", a.model, nil); err != nil {
			return err
		}
	} else {
		took, err := d.service.Load(r.Context(), a.model, keep)
		if err != nil {
			return err
		}
		e.LoadDuration = took
	}
	e.TotalDuration = time.Since(a.began)
	last := a.writer.last(a.head(), piece{}, e, func() []int32 { return nil })
	if a.stream {
		_ = wire.NewLines(w).Send(last)
		return nil
	}
	wire.WriteJSON(w, http.StatusOK, last)
	return nil
}
