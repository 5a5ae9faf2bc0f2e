package engine

import (
	"sync"
	"time"
)

// Token is one token of an answer.
type Token struct {
	ID      int32
	Forced  bool        // put there by a guide, not drawn
	End     bool        // one of the request's stop tokens, which ends the answer
	Last    bool        // no token comes behind it
	Logprob float32     // where asked for
	Top     []Candidate // the best, greater first, where asked for
}

// Candidate is a token that might have been drawn.
type Candidate struct {
	ID      int32
	Logprob float32
}

// Finish says why a sequence ended.
type Finish struct {
	Reason Reason
	Err    error // with FinishCancel, the cause, and with FinishError
}

// Reason is the kind of a Finish.
type Reason uint8

// The reasons.
const (
	FinishNone    Reason = iota // it goes on
	FinishStop                  // a stop token
	FinishLength                // MaxTokens
	FinishContext               // the context is full
	FinishDone                  // all that was given is computed
	FinishCancel                // the request's context
	FinishError
)

// Progress is how far an answer is.
type Progress struct {
	Prompt   int // tokens
	Cached   int // of them, that were computed before
	Computed int // of them, cached ones included
	Tokens   int // of the answer

	Guessed   int // tokens that were computed before they were drawn
	Confirmed int // of them, those that were drawn

	Compute   time.Duration // of the steps' time, the answer's share
	Submitted time.Time
	Admitted  time.Time // the first step was begun; zero: not yet
	First     time.Time // the first token was there; zero: not yet
	Last      time.Time // the last one so far was there
}

// Stream is an answer under way. One goroutine reads it while the engine's writes it:
// a reader that stops reading holds nothing up, since what it leaves is kept.
type Stream struct {
	mu       sync.Mutex
	queue    []Token
	at       int // of the next token to be read
	finish   Finish
	progress Progress
	notify   chan struct{} // holds one signal that there is more
	now      func() time.Time
}

func newStream(prompt int, now func() time.Time) *Stream {
	return &Stream{notify: make(chan struct{}, 1), now: now, progress: Progress{Prompt: prompt, Submitted: now()}}
}

// Next returns the next token, and waits for it. It returns false at the end; see
// Finish.
func (s *Stream) Next() (Token, bool) {
	for {
		s.mu.Lock()
		if s.at < len(s.queue) {
			t := s.queue[s.at]
			s.queue[s.at] = Token{} // its candidates are not kept
			s.at++
			s.mu.Unlock()
			return t, true
		}
		over := s.finish.Reason != FinishNone
		s.mu.Unlock()
		if over {
			return Token{}, false
		}
		<-s.notify
	}
}

// Finish returns why the answer ended.
func (s *Stream) Finish() Finish {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish
}

// Progress returns how far the answer is. Any goroutine may ask.
func (s *Stream) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress
}

func (s *Stream) signal() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// update changes the progress.
func (s *Stream) update(change func(p *Progress)) {
	s.mu.Lock()
	change(&s.progress)
	s.mu.Unlock()
}

func (s *Stream) put(t Token) {
	now := s.now()
	s.mu.Lock()
	s.queue = append(s.queue, t)
	if s.progress.Tokens == 0 {
		s.progress.First = now
	}
	s.progress.Tokens++
	s.progress.Last = now
	s.mu.Unlock()
	s.signal()
}

func (s *Stream) end(f Finish) {
	s.mu.Lock()
	if s.finish.Reason == FinishNone {
		s.finish = f
	}
	s.mu.Unlock()
	s.signal()
}
