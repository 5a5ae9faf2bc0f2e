package blitz

// Load is what an engine does and did. Counts of what was done begin with the engine.
type Load struct {
	Running   int // requests that have pages of the cache
	Waiting   int // that have none: they did not begin, or gave theirs back
	Preempted int // of those that wait, the ones that gave theirs back

	HeldBytes   int // of pages that running requests hold
	CachedBytes int // of pages that are kept to be found again, and make way where others need room
	LimitBytes  int // that pages may take in all

	Steps         uint64
	PromptTokens  uint64 // computed of prompts, what was read again included
	DecodedTokens uint64 // computed one a step, behind prompts
	MatchedTokens uint64 // of prompts, found and not computed
	FetchedTokens uint64 // that Prefixes kept, and that were brought back to be found
	AnswerTokens  uint64 // that answers got
	Guessed       uint64 // tokens that were computed before they were drawn
	Confirmed     uint64 // of them, those that were drawn
	Preemptions   uint64 // how often a request gave its pages back
	EvictedPages  uint64 // of what was kept to be found again
}

// Load returns what the engine does, as of its last step. Any goroutine may ask, at any
// rate: it waits for no step. Of an engine of another process nothing is known.
func (e *Engine) Load() Load {
	if e.run == nil {
		return Load{}
	}
	return Load(e.run.Load())
}
