package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
)

// sequence is one growing list of tokens that runs.
type sequence struct {
	ctx    context.Context
	owner  Owner
	work   work
	tokens []int32 // that it begins with, or goes on from where its pages were taken
	from   int     // the first position of tokens whose row is wanted
	most   int     // positions that it may come to take
	limit  int     // positions that rotary frequencies are for, where they depend on such; 0: the engine's
	second int     // where the second of two texts begins; 0: it is one
	hidden bool    // rows are last hidden states, not logits

	private bool // shares no pages
	drafts  func(pos int, logits []float32) error
	piece   int // the most tokens of a step; 0: any
	single  int // the last so many of tokens go one at a time

	engine  *Engine
	tenant  *tenant
	number  uint64            // of sequences, in the order they came
	asked   time.Time         // when it came
	cache   *kvcache.Sequence // nil: it waits, or is over
	fetched bool              // nothing of it is read from a shelf any more
	sums    []kvcache.Sum     // of its pages, until then
	pending []int32           // tokens that are not in the cache yet
	wanted  int               // of pending, the last whose rows are wanted
	share   int               // of pending, those of the next step
	turn    uint64            // the number of its last one among answers of batches

	guesses []int32 // of pending, the last, which were not drawn; and those of a step that were not confirmed yet
	guessed int     // how many there were
	fresh   []int32 // tokens of the step that are not in the cache yet
	sure    int     // of them, the first that are certain
	shown   int     // rows of the step that are wanted
	gambles [sureties]gamble
	surety  int // of the guesses
	grams   *ngrams
	draft   *draft

	begun   bool // its work was told of the beginning
	drawing bool // its prompt is read, and each row gives the next token
	drew    bool // it did so, ever
	told    int  // rows before this position were handed out, before its pages were taken

	leader *sequence // which computes tokens that this one waits for; nil: it waits for none
	common int       // how many tokens it has in common with its leader
	due    int       // the nearest position of it that another waits for; 0: none
	lacked int       // the room there was when it did not do; -1: it was not tried
	passed bool      // others may be admitted before it, this time
	held   bool      // it waits for pages, this time
}

// work is what comes of a sequence's rows. The engine's goroutine calls it.
type work interface {
	// begin is called before the first step. It may put tokens behind those that are
	// pending.
	begin(s *sequence) error
	// computed is told, after a step, how many positions there are, and what share of
	// the step's time it took; and within it, behind each layer, how many that is worth.
	computed(positions int, took time.Duration)
	// row takes what is behind the token at a position: the logits [V], or the last
	// hidden state [D], valid during the call. The rows come in order. It may end the
	// sequence, or give it tokens to go on with.
	row(s *sequence, pos int, x []float32) error
	// end is told why the sequence is over, after the step in which it ended.
	end(f Finish)
}

// start tells the sequence's work that it begins, and what is pending. The cache has
// the positions that were found.
func (s *sequence) start() error {
	s.pending = s.tokens[s.cache.Len():]
	s.wanted = max(0, len(s.tokens)-s.from)
	if s.begun {
		return nil
	}
	s.begun = true
	return s.work.begin(s)
}

// reach returns how many positions the sequence's rotary frequencies are for.
func (s *sequence) reach() int { return cmp.Or(s.limit, s.engine.options.RopeContext) }

// match returns a sequence of the cache that has what is known of the tokens.
func (s *sequence) match() *kvcache.Sequence {
	if s.private {
		return s.engine.cache.Private()
	}
	return s.engine.cache.Match(s.owner.salt(), s.tokens[:min(s.from+1, len(s.tokens))])
}

// reads says whether the sequence is read, rather than drawn from. A guide may force
// many tokens at once, which are read as a prompt is.
func (s *sequence) reads() bool { return !s.drawing || len(s.pending)-len(s.guesses) > forcedRun }

// forcedRun is how many forced tokens a sequence takes at once as it would one that was
// drawn.
const forcedRun = 8

// isWhole says whether one step has to take all that is pending: every token sees all others.
func (s *sequence) isWhole() bool { return s.engine.config.Encoder }

// next returns how many of the pending tokens the next step takes, at most so many; of a
// whole sequence all or none.
func (s *sequence) next(most int) int {
	n := min(len(s.pending), most)
	if s.isWhole() {
		if n < len(s.pending) {
			return 0
		}
		return n
	}
	if s.piece > 0 {
		n = min(n, s.piece)
	}
	if s.single > 0 {
		n = min(n, max(1, len(s.pending)-s.single))
	}
	return n
}

// suspend gives the pages back. The sequence goes on from its tokens, as if they had
// been given to it.
func (s *sequence) suspend() {
	s.unsuppose()
	s.engine.forget(s)
	if s.drafts != nil {
		s.told = max(s.told, s.cache.Len()) // the module computes every row anew
	} else {
		s.tokens = slices.Concat(s.cache.Tokens(), s.pending)
		s.from = len(s.tokens) - s.wanted
	}
	s.cache.Free()
	s.cache, s.pending, s.share, s.drawing, s.due = nil, nil, 0, false, 0
	s.fetched, s.sums = false, nil
}

// finish ends the sequence; the pages it used stay to be found.
func (s *sequence) finish(f Finish) {
	if s.cache != nil {
		s.settle()
		s.engine.forget(s)
		s.cache.Free()
		s.cache = nil
		s.tenant.running[s.owner.kind()]--
	}
	s.engine.leave(s)
	if s.engine.stepping {
		s.engine.ended = append(s.engine.ended, ended{s.work, f})
		return
	}
	s.work.end(f)
}

// ended is a sequence that ended during a step, of which all is told when the step is
// over.
type ended struct {
	work   work
	finish Finish
}

// fail ends the sequence with an error.
func (s *sequence) fail(err error) { s.finish(Finish{Reason: FinishError, Err: err}) }
