package blitz

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Answer is an answer under way. One goroutine reads it; Close and Progress may be
// called by any. What is not read is kept, so that a slow reader holds up nobody, and
// an answer that is not read to its end is to be closed.
type Answer struct {
	engine   *Engine
	stream   *engine.Stream
	ctx      context.Context // done with the request's, and when the answer is over
	cancel   context.CancelCauseFunc
	tokens   *tokenizer.Tokenizer // nil: ids only
	text     *tokenizer.Stream
	parser   *output.Parser // nil: all is content
	budget   *thinkBudget   // nil: none
	stop     stopTexts
	settings Settings
	held     *grammar.Guide // of the request's grammar; nil: none
	guides   []Guide
	guided   bool // by them, or by a budget that began before
	prompt   []int32
	open     bool    // the prompt ends inside reasoning, prior left out
	prior    []int32 // the end of prompt: the beginning of the answer, from before it was cut

	output    output.Collector
	ids       []int32
	forced    []int // indices of ids
	reasoning int   // tokens
	drafted   int   // the last of them, those of what may be a call that ends the reasoning
	finish    Finish
	err       error
	over      bool // no more tokens come
	started   time.Time
	finished  time.Time
}

// errLeft is the cause of an answer's end that its reader brought about.
var errLeft = fmt.Errorf("blitz: the answer was closed: %w", context.Canceled)

// Tokens returns the tokens as they come, with the text that is certain not to be
// part of a stop text; the last one has the rest. An answer that does not end well has
// the error of Err at its end, whose Token is no token but may have the rest of the
// text. A caller that stops early closes the answer, and one that comes again gets
// none.
func (a *Answer) Tokens() iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		for !a.over {
			t, err := a.next()
			if !yield(t, err) && !a.over {
				a.conclude(Finish{Reason: FinishCancelled}, nil)
			}
		}
	}
}

// next returns the next token, or the error that ends the answer.
func (a *Answer) next() (Token, error) {
	t, ok := a.stream.Next()
	if a.ctx.Err() == nil && ok {
		return a.read(t), nil
	}
	if ok { // what the engine is ahead is not wanted
		a.conclude(Finish{Reason: FinishCancelled}, context.Cause(a.ctx))
	} else {
		a.ended(a.stream.Finish())
	}
	var rest Token
	a.addRest(&rest)
	return rest, a.err
}

// read decodes a token.
func (a *Answer) read(t engine.Token) Token {
	out := Token{ID: t.ID, Forced: t.Forced, End: t.End, Logprob: t.Logprob, Top: candidates(a.tokens, t.Top)}
	if t.Forced {
		a.forced = append(a.forced, len(a.ids))
	}
	a.ids = append(a.ids, t.ID)
	if a.tokens != nil && !t.End {
		a.decode(&out)
	}
	if t.Last && !a.over {
		a.stream.Next() // returns when the engine has said why
		a.ended(a.stream.Finish())
	}
	if a.over {
		a.addRest(&out)
	}
	return out
}

// decode adds to a token the text that became certain with it. A stop text ends the
// answer.
func (a *Answer) decode(t *Token) {
	reasoning := a.parser != nil && a.parser.InReasoning()
	piece, _ := a.text.Next(t.ID) // an id that only pads the vocabulary is no text
	text, found := a.stop.before(piece)
	t.Text = text
	t.Deltas = a.split(text)
	if reasoning || a.parser != nil && a.parser.InReasoning() {
		a.reasoning++
		if a.drafted++; !a.parser.Undecided() {
			a.drafted = 0
		}
	}
	if found != "" {
		a.conclude(Finish{Reason: FinishStopText, StopText: found}, nil)
	}
}

// split takes text apart into deltas and collects them.
func (a *Answer) split(text string) []output.Delta {
	if text == "" {
		return nil
	}
	var deltas []output.Delta
	if a.parser != nil {
		deltas = a.parser.Write(text)
	} else {
		deltas = []output.Delta{{Kind: output.DeltaContent, Text: text}}
	}
	a.output.Add(deltas)
	return deltas
}

// ended notes why the engine ended the answer.
func (a *Answer) ended(f engine.Finish) {
	switch f.Reason {
	case engine.FinishStop:
		a.conclude(Finish{Reason: FinishStopToken, StopToken: a.ids[len(a.ids)-1]}, nil)
	case engine.FinishLength:
		a.conclude(Finish{Reason: FinishLength}, nil)
	case engine.FinishContext:
		a.conclude(Finish{Reason: FinishContext}, nil)
	case engine.FinishCancel:
		a.conclude(Finish{Reason: FinishCancelled}, f.Err)
	default:
		a.conclude(Finish{Reason: FinishError}, f.Err)
	}
}

// conclude notes why the answer ended, once.
func (a *Answer) conclude(f Finish, err error) {
	if a.over {
		return
	}
	f.Budget = a.budget != nil && a.budget.ended.Load()
	a.over, a.finish, a.err, a.finished = true, f, err, time.Now()
	a.cancel(errLeft)
}

// addRest adds to the last token what was held back until the answer ended.
func (a *Answer) addRest(t *Token) {
	if a.tokens != nil {
		rest := a.stop.rest()
		switch a.finish.Reason {
		case FinishLength, FinishContext, FinishCancelled: // it may be cut inside a character
			rest += a.text.Flush()
		}
		t.Text += rest
		t.Deltas = append(t.Deltas, a.split(rest)...)
	}
	if a.parser != nil {
		deltas := a.parser.Close()
		if slices.ContainsFunc(deltas, func(d output.Delta) bool { return d.Kind == output.DeltaCall }) {
			a.reasoning -= a.drafted
		}
		a.output.Add(deltas)
		t.Deltas = append(t.Deltas, deltas...)
	}
	if a.finish.Reason == FinishStopToken && len(a.output.Output().ToolCalls) > 0 {
		a.finish.Reason = FinishToolCalls
	}
}

// Close ends the answer: its reader gets an error that wraps context.Canceled, unless
// the answer was over. Any goroutine may call it, and more than once.
func (a *Answer) Close() { a.cancel(errLeft) }

// Wait reads the answer to its end and returns what Err does.
func (a *Answer) Wait() error {
	for range a.Tokens() {
	}
	return a.err
}

// Text reads the answer to its end and returns its content, without reasoning and
// calls, and what Err does.
func (a *Answer) Text() (string, error) {
	err := a.Wait()
	if content := a.output.Output().Content; content != nil {
		return *content, err
	}
	return "", err
}

// Output returns reasoning, content and calls so far.
func (a *Answer) Output() output.Output { return a.output.Output() }

// IDs returns the tokens so far, the end token included.
func (a *Answer) IDs() []int32 { return a.ids }

// PromptIDs returns the tokens of the prompt.
func (a *Answer) PromptIDs() []int32 { return a.prompt }

// Settings returns what the answer is drawn with, its seed included.
func (a *Answer) Settings() Settings { return a.settings }

// Finish returns why the answer ended; its Reason is FinishNone while it goes on.
func (a *Answer) Finish() Finish { return a.finish }

// Err returns the error that ended the answer, nil where it ended well or its reader
// stopped. It is the cause of the request's context where that was done before.
func (a *Answer) Err() error { return a.err }

// Usage returns counts and times so far; they are whole at the end.
func (a *Answer) Usage() Usage {
	p := a.stream.Progress()
	u := Usage{
		PromptTokens: p.Prompt, CachedTokens: p.Cached,
		OutputTokens: len(a.ids), ReasoningTokens: a.reasoning, ForcedTokens: len(a.forced),
	}
	u.times(p, a.started)
	return u
}

// Progress returns how far the engine is. Any goroutine may ask.
func (a *Answer) Progress() Progress {
	p := a.stream.Progress()
	return Progress{
		Queued: p.Admitted.IsZero(), PromptTokens: p.Prompt, CachedTokens: p.Cached, ComputedTokens: p.Computed, OutputTokens: p.Tokens,
	}
}
