package grammar

import "fmt"

// Guide is the state of one answer that matches a grammar. It is a blitz.Guide. One
// goroutine uses it.
type Guide struct {
	m      *machine
	later  *machine // for all tokens but the first; nil: m
	config *config  // nil: before Begin
	err    error
	ended  bool
}

// Guide returns a Guide for an answer in the tokens of a vocabulary.
func (g *Grammar) Guide(v *Vocabulary) *Guide { return &Guide{m: g.machine(v)} }

// GuideFrom is Guide where the first token of the answer is read in a vocabulary of its
// own, as those of tokenizers that take a space from the begin of a text. Both have as
// many tokens.
func (g *Grammar) GuideFrom(first, later *Vocabulary) *Guide {
	return &Guide{m: g.machine(first), later: g.machine(later)}
}

// Write goes on with a text, before any token: the part of an answer that is there
// already. The error wraps ErrToken where that does not match, or ErrTooLarge.
func (u *Guide) Write(text string) error {
	if err := u.Begin(nil); err != nil {
		return err
	}
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	at := u.config.id
	for i := range len(text) {
		if i%4096 == 0 {
			u.m.begin()
			u.config = u.m.adopt(u.config)
			at = u.config.id
		}
		if at = u.m.step(at, u.m.g.class[text[i]]); at == dead {
			if err := u.m.spent(); err != nil {
				return err
			}
			return fmt.Errorf("grammar: the text does not match at byte %d: %w", i, ErrToken)
		}
		u.config = u.m.list[at]
	}
	return nil
}

// Begin goes to the begin of the grammar, unless Write or Accept went on from there
// already, and finds out what may come next. The prompt is no part of the text. The
// error wraps ErrTooLarge.
func (u *Guide) Begin([]int32) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if u.config == nil && u.err == nil {
		u.config, u.err = u.m.start()
	}
	if u.err == nil && !u.ended {
		_, u.err = u.m.allowed(u.config)
	}
	return u.err
}

// Forced returns no tokens: a text can be cut into tokens in many ways, all of which the
// model may go.
func (u *Guide) Forced() []int32 { return nil }

// Mask clears the bits of the tokens that must not come next: token id is bit id%64 of
// word id/64. It says whether it cleared any. Where that cannot be found within the
// grammar's limits it clears none, and Accept returns the error.
func (u *Guide) Mask(mask []uint64) (narrowed bool) {
	if u.config == nil || u.err != nil || u.ended {
		return false
	}
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	var set *tokenSet
	if set, u.err = u.m.allowed(u.config); u.err != nil {
		return false
	}
	return set.narrow(mask)
}

// Accept goes on with a token. The error wraps ErrTooLarge, or says that the token does
// not match the grammar.
func (u *Guide) Accept(id int32) error {
	switch {
	case u.err != nil:
		return u.err
	case u.config == nil:
		return fmt.Errorf("grammar: token %d came before the begin: %w", id, ErrToken)
	case id < 0 || int(id) >= u.m.v.size:
		return fmt.Errorf("grammar: token %d, want 0 to %d: %w", id, u.m.v.size-1, ErrToken)
	case u.ended:
		return fmt.Errorf("grammar: token %d came behind the end: %w", id, ErrToken)
	case u.m.v.kinds[id] == tokenEnd && u.config.final:
		u.ended = true
		return nil
	}
	m := u.m
	m.mu.Lock()
	defer m.mu.Unlock()
	next, err := m.token(u.config, id)
	if err == nil && next == nil {
		err = fmt.Errorf("grammar: token %d (%q) does not match: %w", id, u.m.v.texts[id], ErrToken)
	}
	if err != nil {
		u.err = err
		return err
	}
	u.config = next
	if u.later != nil {
		u.m, u.later = u.later, nil
	}
	return nil
}

// MayEnd says whether the text so far is a whole one.
func (u *Guide) MayEnd() bool { return u.config != nil && u.config.final }

// MustEnd says whether the text so far is a whole one, and nothing may follow.
func (u *Guide) MustEnd() bool { return u.MayEnd() && len(u.config.items) == 0 }
