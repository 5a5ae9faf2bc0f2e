package grammar

import "fmt"

// Guide is the state of one answer that matches a grammar. It is a blitz.Guide. One
// goroutine uses it.
type Guide struct {
	m      *machine
	config *config // nil: before Begin
	err    error
	ended  bool
}

// Guide returns a Guide for an answer in the tokens of a vocabulary.
func (g *Grammar) Guide(v *Vocabulary) *Guide { return &Guide{m: g.machine(v)} }

// Begin goes to the begin of the grammar, and finds out what may come first. The prompt
// is no part of the text. The error wraps ErrTooLarge.
func (u *Guide) Begin([]int32) error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	u.ended = false
	if u.config, u.err = u.m.start(); u.err == nil {
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
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	next, err := u.m.token(u.config, id)
	if err == nil && next == nil {
		err = fmt.Errorf("grammar: token %d (%q) does not match: %w", id, u.m.v.texts[id], ErrToken)
	}
	if err != nil {
		u.err = err
		return err
	}
	u.config = next
	return nil
}

// MayEnd says whether the text so far is a whole one.
func (u *Guide) MayEnd() bool { return u.config != nil && u.config.final }

// MustEnd says whether the text so far is a whole one, and nothing may follow.
func (u *Guide) MustEnd() bool { return u.MayEnd() && len(u.config.items) == 0 }
