package inference

import (
	"context"
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Event is what happened to one of the answers.
type Event struct {
	Choice int
	Token  blitz.Token // the next one; the zero Token where the answer is over
	Over   bool        // its Choice tells the rest
}

// Answers are the answers to a request, under way. One goroutine uses them; Close is to
// be called at the end.
type Answers struct {
	begun   *begun
	ctx     context.Context
	cancel  context.CancelFunc
	answers []*blitz.Answer // n to each prompt, in order
	n       int
	// template is that of the request or of its variant; nil: the model's.
	template *chat.Template
	echo     [][]blitz.Token
	none     bool             // no tokens are wanted: one is drawn, and nobody gets to see it
	receipts *receipts.Making // nil: there are none
	private  bool             // nothing of it is stored
	err      error
}

// Answer starts answering. The error is a *wire.Error; nothing was computed then, or
// nothing that a client has to see. ctx ends the answers when it is done.
func (s *Service) Answer(ctx context.Context, r *Request) (*Answers, error) {
	n := max(r.N, 1)
	prompts := max(len(r.Prompts), 1)
	b, err := s.begin(ctx, r.Model, host.Ask{KeepAlive: r.KeepAlive, Context: r.Context}, n*prompts)
	if err != nil {
		return nil, err
	}
	a := &Answers{begun: b, n: n, none: r.NoTokens, private: r.Private}
	a.ctx, a.cancel = context.WithTimeout(ctx, s.o.Deadline)
	if err := a.start(r, s.o.Meter.Tenant(ctx)); err != nil {
		a.err = answerError(err)
		a.receipts.Drop()
		a.receipts = nil
		a.Close()
		return nil, a.err
	}
	return a, nil
}

// start gives the request to the engine.
func (a *Answers) start(r *Request, tenant string) error {
	one, err := r.resolve(a.begun.lease, tenant)
	if err != nil {
		return err
	}
	a.template, one.Batch = one.Template, isInBatch(a.ctx)
	a.receipts = a.begun.service.o.Receipts.Begin(tenant, a.begun.subject(one.Template), r.Private)
	if r.Messages != nil {
		return a.ask(one, &r.Format)
	}
	stop := one.Stop
	for i := range r.Prompts {
		p := &r.Prompts[i]
		one.Prompt, one.Tokens, one.Stop = p.Text, p.Tokens, stop
		if p.Gap != nil {
			if err := fill(&one, a.begun.lease.Model(), p); err != nil {
				return err
			}
		}
		if r.Echo {
			if err := a.score(&one, r.TopTokens); err != nil {
				return err
			}
		}
		if err := a.ask(one, &r.Format); err != nil {
			return err
		}
	}
	return nil
}

func (a *Answers) ask(r blitz.Request, f *Format) error {
	r.Adapter = a.begun.lease.Adapter()
	var answers []*blitz.Answer
	var err error
	jobs := a.begun.service.o.Jobs
	if constraints, is := jobs.take(a, &r, f); is {
		answers, err = jobs.hand(a, r, constraints)
	} else {
		if err := a.receipts.Watch(&r, a.begun.engine(), constraintsOf(&r, f)); err != nil {
			return err
		}
		answers, err = a.begun.engine().GenerateAll(a.ctx, r, a.n)
	}
	if err == nil { // else none of them was begun
		a.answers = append(a.answers, answers...)
		err = a.receipts.Begun(answers)
	}
	return err
}

// Tell names the receipts in the head of the answer to w, of which events are the stream,
// nil where it is none.
func (a *Answers) Tell(w http.ResponseWriter, events *wire.Events) { a.receipts.Tell(w, events) }

// Receipts names the receipts of all answers, as the head has it; "" where there are none.
func (a *Answers) Receipts() string { return a.receipts.Name() }

// Receipt names the receipt of an answer, "" where there is none. It is there from the
// Event on that says that the answer is over.
func (a *Answers) Receipt(i int) string { return a.receipts.ID(i) }

// Model returns the name of the model in the store, with its tag.
func (a *Answers) Model() string { return a.begun.name }

// Load returns how long the model took to be there; close to nothing where it was.
func (a *Answers) Load() time.Duration { return a.begun.lease.Wait() }

// Engine returns the engine that answers; the use of it ends with Close.
func (a *Answers) Engine() *blitz.Engine { return a.begun.engine() }

// Len returns how many answers there are.
func (a *Answers) Len() int { return len(a.answers) }

// Choice returns an answer. It is whole when the Event that says so was read.
func (a *Answers) Choice(i int) *blitz.Answer { return a.answers[i] }

// Echo returns the tokens of the prompt that an answer is for, the first without a
// log-probability, where Request.Echo asked for them.
func (a *Answers) Echo(i int) []blitz.Token {
	if a.echo == nil {
		return nil
	}
	return a.echo[i/a.n]
}

// Events returns the tokens of all answers as they come, those of each in order, and
// word of its end. The error, a *wire.Error, ends all of them. A caller that stops early
// ends the answers.
func (a *Answers) Events() iter.Seq2[Event, error] {
	if len(a.answers) == 1 {
		return a.single
	}
	return a.merged
}

func (a *Answers) single(yield func(Event, error) bool) {
	for t, err := range a.answers[0].Tokens() {
		if err != nil {
			a.fail(err)
			yield(Event{}, a.err)
			return
		}
		if !a.none && !yield(Event{Token: t}, nil) {
			return
		}
	}
	if err := a.over(0); err != nil {
		yield(Event{}, err)
		return
	}
	yield(Event{Over: true}, nil)
}

// over makes the receipt of an answer that is over.
func (a *Answers) over(i int) error {
	err := a.receipts.Over(a.ctx, i, a.answers[i])
	if err != nil {
		a.fail(err)
		err = a.err
	}
	return err
}

// merged yields the tokens of several answers in the order in which they come.
func (a *Answers) merged(yield func(Event, error) bool) {
	type step struct {
		event Event
		err   error
	}
	ctx, stop := context.WithCancel(a.ctx)
	steps := make(chan step)
	send := func(s step) bool {
		select {
		case steps <- s:
			return true
		case <-ctx.Done():
			return false
		}
	}
	var readers sync.WaitGroup
	for i, answer := range a.answers {
		readers.Go(func() {
			for t, err := range answer.Tokens() {
				if a.none && err == nil {
					continue
				}
				if !send(step{Event{Choice: i, Token: t}, err}) {
					return
				}
			}
			if answer.Err() == nil {
				send(step{event: Event{Choice: i, Over: true}})
			}
		})
	}
	defer readers.Wait()
	defer stop()
	for left := len(a.answers); left > 0; {
		var s step
		select {
		case s = <-steps:
		case <-a.ctx.Done():
			s.err = context.Cause(a.ctx)
		}
		if s.err != nil {
			a.fail(s.err)
			yield(Event{}, a.err)
			return
		}
		if s.event.Over {
			left--
			if err := a.over(s.event.Choice); err != nil {
				yield(Event{}, err)
				return
			}
		}
		if !yield(s.event, nil) {
			return
		}
	}
}

func (a *Answers) fail(err error) {
	if a.err == nil {
		a.err = answerError(err)
	}
}

// Usage adds up the answers: each prompt once, and all that came.
func (a *Answers) Usage() blitz.Usage {
	var u blitz.Usage
	for i, answer := range a.answers {
		one := answer.Usage()
		if i == 0 {
			u = one
			continue
		}
		if i%a.n == 0 {
			u.PromptTokens += one.PromptTokens
			u.CachedTokens += one.CachedTokens
		}
		u.OutputTokens += one.OutputTokens
		u.ReasoningTokens += one.ReasoningTokens
		u.ForcedTokens += one.ForcedTokens
	}
	if a.none {
		u.OutputTokens, u.ReasoningTokens, u.ForcedTokens = 0, 0, 0
	}
	return u
}

// Close ends the answers and the use of the model. It may be called twice.
func (a *Answers) Close() {
	for _, answer := range a.answers {
		answer.Close()
	}
	a.receipts.Leave(a.ctx, a.answers)
	a.cancel()
	u := a.Usage()
	a.begun.done(Use{
		Prompt: u.PromptTokens, Cached: u.CachedTokens, Reasoning: u.ReasoningTokens, AnswerTokens: u.AnswerTokens(), Err: a.err,
	})
}
