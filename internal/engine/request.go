package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/blitz-r1/blitz/internal/sample"
)

// Request is what a user asks: tokens to continue, and how.
type Request struct {
	Tokens    []int32
	MaxTokens int // of the answer; 0: as many as the context has room for
	Sampling  sample.Settings
	Stop      []int32 // tokens that end the answer, and are not part of it
	// Logprobs asks for the log-probability of each token and of that many best
	// ones besides; -1: for none at all.
	Logprobs int
	// Allowed, where not nil, tells which tokens may come next.
	Allowed func(id int32) bool
	// After, where not nil, is told each token that is drawn and returns those to
	// put behind it without drawing.
	After func(id int32) []int32
}

// Token is one token of an answer.
type Token struct {
	ID      int32
	Logprob float32     // where asked for
	Top     []Candidate // the best, greater first, where asked for
}

// Candidate is a token that might have been drawn.
type Candidate struct {
	ID      int32
	Logprob float32
}

// Finish says why an answer ended.
type Finish uint8

// The reasons.
const (
	FinishNone   Finish = iota
	FinishStop          // a stop token
	FinishLength        // MaxTokens, or the context
	FinishCancel        // the request's context
	FinishError
)

var finishes = [...]string{"", "stop", "length", "cancel", "error"}

func (f Finish) String() string { return finishes[f] }

// Stream is an answer under way. One goroutine reads it while the engine's writes it.
type Stream struct {
	mu     sync.Mutex
	queue  []Token
	at     int // of the next token to be read
	finish Finish
	err    error
	notify chan struct{} // holds one signal that there is more

	prompt, cached int // tokens
}

// Next returns the next token, and waits for it. It returns false at the end; see
// Finish.
func (s *Stream) Next() (Token, bool) {
	for {
		s.mu.Lock()
		if s.at < len(s.queue) {
			t := s.queue[s.at]
			s.at++
			s.mu.Unlock()
			return t, true
		}
		over := s.finish != FinishNone
		s.mu.Unlock()
		if over {
			return Token{}, false
		}
		<-s.notify
	}
}

// Finish returns why the answer ended, and the error where there was one.
func (s *Stream) Finish() (Finish, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish, s.err
}

// Prompt returns the tokens of the prompt, and how many of them were cached.
func (s *Stream) Prompt() (tokens, cached int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prompt, s.cached
}

func (s *Stream) setCached(n int) {
	s.mu.Lock()
	s.cached = n
	s.mu.Unlock()
}

func (s *Stream) signal() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

func (s *Stream) put(t Token) {
	s.mu.Lock()
	s.queue = append(s.queue, t)
	s.mu.Unlock()
	s.signal()
}

func (s *Stream) end(f Finish, err error) {
	s.mu.Lock()
	if s.finish == FinishNone {
		s.finish, s.err = f, err
	}
	s.mu.Unlock()
	s.signal()
}

// Submit gives a request to the engine. The error wraps ErrContext, ErrNoRoom,
// ErrPrompt, ErrClosed or model.ErrTokens, or says which setting is out of range.
// ctx ends the answer when it is done. What r refers to may be changed afterwards.
func (e *Engine) Submit(ctx context.Context, r Request) (*Stream, error) {
	r.Tokens, r.Stop, r.Sampling.Bias = slices.Clone(r.Tokens), slices.Clone(r.Stop), maps.Clone(r.Sampling.Bias)
	if len(r.Tokens) == 0 {
		return nil, fmt.Errorf("engine: %w", ErrPrompt)
	}
	if err := e.model.CheckTokens(r.Tokens); err != nil {
		return nil, err
	}
	if err := r.Sampling.Validate(); err != nil {
		return nil, err
	}
	room := e.options.Context - len(r.Tokens)
	if room < 1 {
		return nil, fmt.Errorf("engine: the prompt has %d tokens, the context %d: %w", len(r.Tokens), e.options.Context, ErrContext)
	}
	if r.MaxTokens <= 0 || r.MaxTokens > room {
		r.MaxTokens = room
	}
	s := &sequence{
		ctx: ctx, request: r, stream: &Stream{notify: make(chan struct{}, 1), prompt: len(r.Tokens)},
		sampler: sample.New(r.Sampling, r.Tokens),
	}
	if err := e.do(ctx, func() { e.waiting = append(e.waiting, s) }); err != nil {
		return nil, err
	}
	return s.stream, nil
}
