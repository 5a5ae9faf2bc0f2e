package engine

import (
	"fmt"
	"math"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// An answer's next tokens are guessed, and computed in one step with the token that was
// drawn: reading the weights once gives the rows of all. Each row is drawn from in order,
// with the random number that belongs to its token, as if it had come alone. A token that
// was guessed is confirmed by being drawn; the first one that is not ends the step for its
// sequence, and what was computed behind it is written over. So an answer is, to the bit,
// that without guesses (Leviathan et al. 2023 in the deterministic form of CANON section 7).

// Speculation says what guesses come from.
type Speculation uint8

// The kinds of speculation.
const (
	SpeculateAuto  Speculation = iota // the draft model where there is one, else n-grams, where they win
	SpeculateOff                      // nothing is guessed
	SpeculateNgram                    // what stood behind the same words before
	SpeculateDraft                    // a draft model
	SpeculateMTP                      // the model's module of multi-token prediction
)

var speculations = [...]string{"auto", "off", "ngram", "draft", "mtp"}

func (s Speculation) String() string { return speculations[s] }

// ParseSpeculation returns the kind that a word names. The error wraps ErrOption.
func ParseSpeculation(word string) (Speculation, error) {
	for i, name := range speculations {
		if word == name {
			return Speculation(i), nil
		}
	}
	return 0, fmt.Errorf("speculation is %q, want auto, off, ngram, draft or mtp: %w", word, ErrOption)
}

// mostGuesses is how many tokens are guessed at once, at most.
const mostGuesses = 12

// This does not compile where a model's states take fewer guesses.
const _ = uint(model.MostGuessed - mostGuesses)

// sureties is how many kinds of guesses are told apart by how often they are right: n-grams
// of one token, of two, and of more, and what models guess.
const sureties = 3

// firstHits is how often guesses are believed to be right before any was made.
var firstHits = [sureties]float64{0.15, 0.4, 0.7}

// gamble is what guesses of one surety brought a sequence, and decides how many to make.
type gamble struct {
	hit   float64 // how often a guess was right, of late; 0: none was made
	rest  int     // tokens until the next try, where guessing does not pay
	pause int     // what rest becomes when the next try does not pay either
}

// Bounds of the pauses of a gamble, in tokens, and how it learns.
const (
	firstPause = 16
	mostPause  = 1024
	memory     = 0.85 // how much of what was known stays, for each guess
)

// bet returns how many tokens to guess, at most limit, in a step of so many other tokens, at
// what steps take, where no more than stake may be lost; 0: none, this time.
func (g *gamble) bet(surety, limit, others int, p *pace, stake float64) int {
	if g.hit == 0 {
		g.hit = firstHits[surety]
	}
	if g.rest > 0 {
		g.rest--
		return 0
	}
	alone := p.about(others + 1)
	best, most := 0, 1.0 // tokens in the time of a step alone
	expected, chance := 1.0, 1.0
	affordable := true
	for k := 1; k <= min(limit, mostGuesses); k++ {
		if affordable = p.about(others+1+k)-alone <= stake; !affordable {
			break
		}
		chance *= g.hit
		expected += chance
		if gain := (float64(others) + expected) / float64(others+1) * alone / p.about(others+1+k); gain > most*margin {
			best, most = k, gain
		}
	}
	if best == 0 && affordable {
		g.pause = min(max(2*g.pause, firstPause), mostPause)
		g.rest, g.hit = g.pause, firstHits[surety] // then it is tried anew
		p.doubt(others + 1)
	}
	return best
}

// margin is how much more a longer guess has to bring.
const margin = 1.01

// note learns that of some guesses the first so many were right.
func (g *gamble) note(guessed, right int) {
	for range right {
		g.hit = g.hit*memory + (1 - memory)
	}
	if right < guessed {
		g.hit *= memory
	}
	if right == guessed {
		g.pause = 0
	}
}

// unknownCost is what one token more is believed to take of a step with a single one: little,
// as where reading weights is the bound.
const unknownCost = 0.12

// about returns what a step takes that decodes so many tokens, from the measures that are
// nearest, however old: it is asked for to compare. No step takes longer than one of more
// tokens, so that a measure that was disturbed is corrected by any of those. Where nothing was
// measured, a step of one token takes 1.
func (p *pace) about(tokens int) float64 {
	below, above, most := 0, 0, math.Inf(1)
	for n := min(tokens, len(p.decode)-1); n > 0 && below == 0; n-- {
		if p.decode[n].count > 0 {
			below = n
		}
	}
	for n := tokens; n < len(p.decode); n++ {
		if p.decode[n].count > 0 {
			most = min(most, p.decode[n].usual())
			if above == 0 {
				above = n
			}
		}
	}
	if below == 0 {
		if above == 0 {
			return 1 + unknownCost*float64(tokens-1)
		}
		return most
	}
	least := p.decode[below].usual()
	switch {
	case above == 0:
		return least * (1 + unknownCost*float64(tokens-below))
	case below == above:
		return most
	}
	share := float64(tokens-below) / float64(above-below)
	return min(most, least+share*max(0, p.decode[above].usual()-least))
}

// speculate puts guesses behind what the sequences of the step draw next.
func (e *Engine) speculate() {
	e.reckon()
	if e.guesser == nil || !e.purse.open() || e.readsSome() {
		return
	}
	began := e.now()
	e.betting, e.bets = e.betting[:0], e.bets[:0]
	tokens, stake := 0, e.purse.left
	limited := e.limits()
	for _, s := range e.batched {
		if s.cache != nil && s.goesOn(limited) {
			tokens += len(s.pending)
		}
	}
	for _, s := range e.batched {
		if !s.goesOn(limited) {
			continue
		}
		if k := e.bet(s, tokens, stake); k > 0 {
			e.betting, e.bets = append(e.betting, s), append(e.bets, k)
			stake -= e.pace.about(tokens+k) - e.pace.about(tokens)
			tokens += k
		}
	}
	if len(e.betting) == 0 {
		return
	}
	for i, ids := range e.guesser.guess(e.betting, e.bets) {
		e.betting[i].suppose(ids)
	}
	clear(e.betting)
	e.guessing = e.now().Sub(began)
}

// bet returns how many tokens are to be guessed for a sequence of the step, where no more than
// stake may be lost.
func (e *Engine) bet(s *sequence, tokens int, stake float64) int {
	a, ok := s.work.(*answer)
	if !ok || s.cache == nil || !s.drawing || len(s.pending) != 1 || len(a.owed) > 0 {
		return 0
	}
	limit := min(a.most-a.taken-1, mostTokens-tokens)
	if limit <= 0 {
		return 0
	}
	if s.surety = e.guesser.look(s); s.surety < 0 {
		return 0
	}
	g := &s.gambles[s.surety]
	first := g.hit == 0
	k := g.bet(s.surety, limit, tokens-1, &e.pace, stake)
	if k == 0 && first && e.options.Speculate != SpeculateAuto {
		return 1 // who names what guesses come from has it tried
	}
	return k
}

// mostTokens bounds the tokens of a step with guesses: the products of more are no longer
// bound by reading the weights.
const mostTokens = 32

// readsSome says whether prompts are being read: what guesses would take is theirs.
func (e *Engine) readsSome() bool {
	for _, s := range e.running {
		if s.cache != nil && s.reads() {
			return true
		}
	}
	return false
}

// suppose puts guessed tokens behind the one that was drawn.
func (s *sequence) suppose(ids []int32) {
	if len(ids) == 0 {
		return
	}
	a := s.work.(*answer)
	a.next = append(a.next, ids...) // which is what is pending
	s.pending, s.wanted = a.next, s.wanted+len(ids)
	s.guesses = a.next[len(a.next)-len(ids):]
	s.guessed = len(ids)
}

// unsuppose takes back the guesses of a step that is not computed.
func (s *sequence) unsuppose() {
	n := len(s.guesses)
	s.pending, s.wanted = s.pending[:len(s.pending)-n], s.wanted-n
	s.share = min(s.share, len(s.pending))
	s.guesses, s.guessed = nil, 0
}

// confirms says whether a token that was drawn is the one that was guessed: its row is
// among those of this step then.
func (s *sequence) confirms(id int32) bool {
	if len(s.guesses) == 0 || s.guesses[0] != id {
		s.guesses = nil
		return false
	}
	s.guesses = s.guesses[1:]
	s.sure++
	if !s.engine.writesLate(s) {
		s.settle()
	}
	return true
}

// verdict is what became of the guesses of a segment.
type verdict struct{ guessed, wrong int }

// reckon notes what became of the guesses of the step.
func (e *Engine) reckon() {
	e.verdicts = e.verdicts[:0]
	for _, s := range e.batched {
		v := verdict{guessed: s.guessed}
		if v.guessed > 0 {
			v.wrong = len(s.fresh) - s.sure
			s.gambles[s.surety].note(v.guessed, v.guessed-v.wrong)
			a := s.work.(*answer)
			a.guessed, a.confirmed = a.guessed+v.guessed, a.confirmed+v.guessed-v.wrong
			e.counts.Guessed += uint64(v.guessed)
			e.counts.Confirmed += uint64(v.guessed - v.wrong)
		}
		s.guessed = 0
		e.verdicts = append(e.verdicts, v)
	}
}

// forget lets go what is kept to guess for a sequence.
func (e *Engine) forget(s *sequence) {
	if e.guesser != nil {
		e.guesser.forget(s)
	}
}

// followed says whether the module of multi-token prediction reads what a sequence does.
func (e *Engine) followed(s *sequence) bool {
	_, ok := s.work.(*answer)
	return ok && e.module != nil
}

// settle makes the tokens of the step that are certain part of the cache.
func (s *sequence) settle() {
	if s.sure == 0 {
		return
	}
	s.cache.Append(s.fresh[:s.sure])
	s.fresh, s.sure = s.fresh[s.sure:], 0
}

// writesLate says whether a module still writes to the positions of a step when its rows
// are handed out.
func (e *Engine) writesLate(s *sequence) bool { return s.drafts != nil || e.followed(s) }

// makeGuesser makes what the options want to guess with. The error wraps ErrOption, or
// model.ErrNoMTP.
func (e *Engine) makeGuesser() error {
	o := &e.options
	kind := o.Speculate
	if kind == SpeculateAuto {
		kind = SpeculateNgram
		if o.Draft != nil {
			kind = SpeculateDraft
		}
	}
	switch {
	case o.Foretell != nil:
		e.guesser = &foretold{tell: o.Foretell}
	case kind == SpeculateDraft && o.Draft == nil:
		return fmt.Errorf("engine: speculation by a draft model, and there is none: %w", ErrOption)
	case kind == SpeculateDraft && o.Draft.Config.VocabSize != e.config.VocabSize:
		return fmt.Errorf("engine: the draft model has a vocabulary of %d tokens, want %d: %w", o.Draft.Config.VocabSize, e.config.VocabSize, ErrVocabulary)
	case kind == SpeculateDraft:
		return e.guessBy(o.Draft, o.Draft.Config.MaxPositionEmbeddings)
	case kind == SpeculateNgram:
		e.guesser = new(ngramGuesser)
	case kind == SpeculateMTP:
		if m, ok := e.net.(blockNetwork); ok && m.BlockSize() > 0 {
			e.guesser = &blockGuesser{engine: e, net: m}
			return nil
		}
		if m, ok := e.net.(interface{ HasMTP() bool }); ok && !m.HasMTP() {
			return fmt.Errorf("engine: speculation by mtp: %w", model.ErrNoMTP)
		}
		e.module = &mtpGuesser{engine: e}
		e.guesser = e.module
	}
	return nil
}

// guessBy guesses by a draft model that was made for so many positions.
func (e *Engine) guessBy(net network, longest int) error {
	kind := *e.options.Cache // so that the model itself would guess right
	probe, err := kvcache.New(net.CacheLayers(kind), math.MaxInt)
	if err != nil {
		return fmt.Errorf("engine: draft model: %w", err)
	}
	limit := e.limit
	if one := probe.Bytes(e.options.Context, e.options.Chunk); one <= math.MaxInt/mostDrafted {
		limit = max(one, min(limit, one*min(e.options.Sequences, mostDrafted)))
	}
	if most := e.options.DraftLimit; most > 0 {
		limit = int(min(int64(limit), most))
	}
	g, err := newDraftGuesser(net, kind, limit, longest, e)
	if err != nil {
		return err
	}
	e.guesser = g
	return nil
}

// mostDrafted is for how many sequences of the whole context a draft model has room: no more
// than caches may take, but where one of its own takes more than that.
const mostDrafted = 8

// aside returns the time of a step in which a draft model read texts.
func (e *Engine) aside() time.Duration {
	if e.guesser == nil {
		return 0
	}
	return e.guesser.spent()
}
