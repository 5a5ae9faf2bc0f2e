package main

import (
	"io"
	"sync/atomic"

	"github.com/blitz-r1/blitz"
)

// answering watches an answer until the first of it is shown: what the prompt is at,
// and reasoning that is hidden.
type answering struct {
	*status
	answer atomic.Pointer[blitz.Answer] // nil: the prompt is still being made
}

// watchAnswer begins to watch, before the answer is asked for.
func watchAnswer(w io.Writer) *answering {
	a := &answering{}
	a.status = startStatus(w, a.work)
	return a
}

// work says what is being done.
func (a *answering) work() work {
	answer := a.answer.Load()
	if answer == nil {
		return work{what: "making the prompt"}
	}
	return answerWork(answer.Progress())
}

func answerWork(p blitz.Progress) work {
	switch {
	case p.Queued:
		return work{what: "waiting for other answers"}
	case p.OutputTokens == 0:
		return work{what: "reading the prompt", done: int64(p.ComputedTokens), total: int64(p.PromptTokens)}
	}
	return work{what: "thinking", done: int64(p.OutputTokens)}
}

// printAnswer asks for an answer and prints it to its end. Until the first of it is
// printed, errOut is told what is being done.
func printAnswer(ask func() (*blitz.Answer, error), p *printer, errOut io.Writer) (*blitz.Answer, error) {
	watch := watchAnswer(errOut)
	defer watch.end()
	a, err := ask()
	if err != nil {
		return nil, err
	}
	watch.answer.Store(a)
	p.begin = watch.end
	for t := range a.Tokens() { // what ended it is asked for behind the report
		if err := p.token(t); err != nil {
			return nil, err
		}
	}
	watch.end()
	return a, p.end()
}
