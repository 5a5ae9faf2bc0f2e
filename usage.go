package blitz

import (
	"time"

	"github.com/blitz-r1/blitz/internal/engine"
)

// Usage are the counts and times of an answer.
type Usage struct {
	PromptTokens    int `json:"prompt_tokens"`
	CachedTokens    int `json:"cached_tokens"` // of the prompt, not computed again
	OutputTokens    int `json:"output_tokens"` // all of the answer's, its end token too
	ReasoningTokens int `json:"reasoning_tokens"`
	ForcedTokens    int `json:"forced_tokens"`   // of the answer's, those that were not drawn
	DraftedTokens   int `json:"drafted_tokens"`  // that were guessed and computed before they were drawn
	AcceptedTokens  int `json:"accepted_tokens"` // of them, those that were drawn

	Queue      time.Duration `json:"queue_ns"`       // until the engine began
	Prefill    time.Duration `json:"prefill_ns"`     // from then to the first token
	Decode     time.Duration `json:"decode_ns"`      // from the first token to the last
	FirstToken time.Duration `json:"first_token_ns"` // from the request to the first token
	Compute    time.Duration `json:"compute_ns"`     // of what the engine's steps took, the answer's share by its tokens
}

// AnswerTokens returns the tokens of the answer that are no reasoning.
func (u Usage) AnswerTokens() int { return u.OutputTokens - u.ReasoningTokens }

// PrefillRate returns the tokens of the prompt computed in a second.
func (u Usage) PrefillRate() float64 { return perSecond(u.PromptTokens-u.CachedTokens, u.Prefill) }

// DecodeRate returns the tokens drawn in a second, behind the first.
func (u Usage) DecodeRate() float64 { return perSecond(u.OutputTokens-1, u.Decode) }

func perSecond(n int, d time.Duration) float64 {
	if n <= 0 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// times fills in what the engine's clock tells.
func (u *Usage) times(p engine.Progress, asked time.Time) {
	u.DraftedTokens, u.AcceptedTokens = p.Guessed, p.Confirmed
	if p.Admitted.IsZero() {
		return
	}
	u.Queue, u.Compute = p.Admitted.Sub(p.Submitted), p.Compute
	if p.First.IsZero() {
		return
	}
	u.Prefill, u.Decode, u.FirstToken = p.First.Sub(p.Admitted), p.Last.Sub(p.First), p.First.Sub(asked)
}

// Progress is how far an answer is.
type Progress struct {
	Queued         bool // it waits for other answers
	PromptTokens   int
	CachedTokens   int // of the prompt, computed for an earlier one
	ComputedTokens int // of the prompt, cached ones included
	OutputTokens   int // of the answer; its reader may not have come to all of them
}
