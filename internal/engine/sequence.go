package engine

import (
	"context"
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/sample"
)

// sequence is a request that runs: one growing list of tokens.
type sequence struct {
	ctx     context.Context
	request Request
	stream  *Stream
	sampler *sample.Sampler
	cache   *kvcache.Sequence
	claim   int       // bytes of cache it may come to take
	pending []int32   // tokens that are not in the cache yet: the rest of the prompt, or the last one drawn
	drawn   int       // tokens of the answer
	next    []int32   // memory of pending while decoding
	scratch []float32 // for logprobs
}

// finish ends the answer; the pages it used stay to be found.
func (s *sequence) finish(f Finish, err error) {
	if s.cache != nil {
		s.cache.Free()
		s.cache = nil
	}
	s.stream.end(f, err)
}

// draw takes the next token from the logits of the last one. It says whether the
// answer goes on.
func (s *sequence) draw(logits []float32) bool {
	id, err := s.sampler.Next(logits, s.request.Allowed)
	if err != nil {
		s.finish(FinishError, err)
		return false
	}
	if slices.Contains(s.request.Stop, id) {
		s.finish(FinishStop, nil)
		return false
	}
	s.stream.put(s.token(id, logits))
	s.drawn++
	s.next = append(s.next[:0], id)
	if s.request.After != nil && s.drawn < s.request.MaxTokens {
		for _, id := range s.request.After(id) {
			s.sampler.Accept(id)
			s.stream.put(Token{ID: id})
			s.next = append(s.next, id)
			if s.drawn++; s.drawn == s.request.MaxTokens {
				break
			}
		}
	}
	if s.drawn == s.request.MaxTokens {
		s.finish(FinishLength, nil)
		return false
	}
	s.pending = s.next
	return true
}

// token adds what was asked for to a drawn token.
func (s *sequence) token(id int32, logits []float32) Token {
	t := Token{ID: id}
	if s.request.Logprobs < 0 {
		return t
	}
	if len(s.scratch) < len(logits) {
		s.scratch = make([]float32, len(logits))
	}
	sample.Logprobs(s.scratch, logits)
	t.Logprob = s.scratch[id]
	for _, id := range kernel.TopK(nil, logits, s.request.Logprobs) {
		t.Top = append(t.Top, Candidate{id, s.scratch[id]})
	}
	return t
}
