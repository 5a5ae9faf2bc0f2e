package engine

// Load is what an engine does and did. Counts of what was done begin with the engine.
type Load struct {
	Running   int // sequences that have pages
	Waiting   int // that have none: they did not begin, or gave theirs back
	Preempted int // of those that wait, the ones that gave theirs back

	HeldBytes   int // of pages that running sequences hold
	CachedBytes int // of pages that are kept to be found again, and make way where others need room
	LimitBytes  int // that pages may take in all

	Steps         uint64
	PromptTokens  uint64 // computed of prompts, what was read again included
	DecodedTokens uint64 // computed one a step, behind prompts
	MatchedTokens uint64 // of prompts, found and not computed
	FetchedTokens uint64 // that were kept, and brought back to be found
	AnswerTokens  uint64 // that answers got
	Guessed       uint64 // tokens that were computed before they were drawn
	Confirmed     uint64 // of them, those that were drawn
	Preemptions   uint64 // how often a sequence gave its pages back
	EvictedPages  uint64 // of what was kept to be found again
}

// Load returns what the engine does, as of its last step. Any goroutine may ask, and
// waits for no step.
func (e *Engine) Load() Load {
	e.loadMu.Lock()
	defer e.loadMu.Unlock()
	return e.load
}

// publish makes the engine's own counts those that Load returns.
func (e *Engine) publish() {
	stats := e.cache.Stats()
	e.counts.Running, e.counts.Waiting = len(e.running), len(e.waiting)
	e.counts.HeldBytes, e.counts.CachedBytes, e.counts.LimitBytes = stats.HeldBytes, stats.CachedBytes, stats.LimitBytes
	e.counts.EvictedPages = uint64(stats.EvictedPages)
	e.counts.FetchedTokens = uint64(stats.AdoptedTokens)
	e.counts.Preempted = 0
	for _, s := range e.waiting {
		if s.begun {
			e.counts.Preempted++
		}
	}
	e.loadMu.Lock()
	e.load = e.counts
	e.loadMu.Unlock()
}
