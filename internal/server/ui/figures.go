package ui

import (
	"errors"
	"time"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/inference"
)

// errTooLong is the end of an answer that has more text than a message may have.
var errTooLong = errors.New("ui: the answer is too long to be kept")

// stopwatch measures how long a model reasons: from the first words of it to the first
// that are none.
type stopwatch struct {
	from, till time.Time
	thinking   bool
}

// note takes in what a token brought at a moment.
func (s *stopwatch) note(deltas []output.Delta, now time.Time) {
	for _, d := range deltas {
		s.thinking = d.Kind == output.DeltaReasoning
		switch {
		case s.thinking && s.from.IsZero():
			s.from = now
		case !s.thinking && !s.from.IsZero() && s.till.IsZero():
			s.till = now
		}
	}
}

// passed returns how long it was, up to a moment where it is not over.
func (s *stopwatch) passed(now time.Time) time.Duration {
	switch {
	case s.from.IsZero():
		return 0
	case s.till.IsZero():
		return now.Sub(s.from)
	}
	return s.till.Sub(s.from)
}

// read reads an answer to its end, and has add take in what each token brings.
func read(answers *inference.Answers, thought *stopwatch, add func([]output.Delta, counts)) error {
	size := 0
	for e, err := range answers.Events() {
		if err != nil {
			return err
		}
		for _, d := range e.Token.Deltas {
			size += len(d.Text)
		}
		thought.note(e.Token.Deltas, time.Now())
		u := answers.Choice(0).Usage()
		add(e.Token.Deltas, counts{u.OutputTokens, u.ReasoningTokens, thought.thinking && !e.Over})
		if size > maxAnswer {
			return errTooLong
		}
	}
	return nil
}

// figuresOf returns what an answer cost, as the API's usage says it.
func figuresOf(answers *inference.Answers, thought *stopwatch) *history.Figures {
	u := answers.Usage()
	return &history.Figures{
		PromptTokens: u.PromptTokens, CachedTokens: u.CachedTokens, AnswerTokens: u.OutputTokens, ReasoningTokens: u.ReasoningTokens,
		FirstTokenMS: milliseconds(u.FirstToken), TokensPerSecond: u.DecodeRate(), ReasoningMS: milliseconds(thought.passed(time.Now())),
		Context: u.PromptTokens + u.OutputTokens, ContextLimit: answers.Engine().Context(), Receipt: answers.Receipts(),
	}
}

// addFigures makes the figures of an answer that went on those of the whole: what was read
// for it at first, and all that was written.
func addFigures(f, before *history.Figures) {
	f.PromptTokens, f.CachedTokens, f.FirstTokenMS = before.PromptTokens, before.CachedTokens, before.FirstTokenMS
	f.AnswerTokens += before.AnswerTokens
	f.ReasoningTokens += before.ReasoningTokens
	f.ReasoningMS += before.ReasoningMS
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
