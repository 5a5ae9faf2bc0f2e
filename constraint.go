package blitz

import (
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
)

// What may stand before the content of an answer that a grammar holds.
var (
	blank = grammar.Repeat(grammar.Class(grammar.Range{Lo: '\t', Hi: '\n'}, grammar.Range{Lo: '\r', Hi: '\r'}, grammar.Range{Lo: ' ', Hi: ' '}), 0, 8)
	// reasoned is the rest of reasoning that was begun: anything up to its end.
	reasoned = grammar.Seq(grammar.Free(thinkStop), grammar.Special(thinkStop), blank)
	// mayReason is reasoning that the model begins by itself, or none.
	mayReason = grammar.Or(grammar.Expr{}, grammar.Seq(blank, grammar.Special(thinkStart), reasoned))
)

// constrain makes the guide of the request's grammar: reasoning is free, what follows it
// is held. The tokens and the text that the answer has already are read.
func (a *Answer) constrain(r *Request, p prompt) error {
	g := r.Grammar
	if g == nil {
		return nil
	}
	v := a.engine.model.grammarTokens()
	if v.err != nil {
		return v.err
	}
	said := ""
	if r.Continue {
		said, _ = r.Messages[len(r.Messages)-1].Content.Text()
		said = strings.TrimSpace(said) // see continued
	} else if before := a.before(r, p); before != (grammar.Expr{}) {
		var err error
		if g, err = grammar.Behind(before, g, nil); err != nil {
			return err
		}
	}
	a.held = g.GuideFrom(v.first, v.later)
	if err := a.held.Write(said); err != nil {
		return fmt.Errorf("blitz: what the last message says: %w: %w", err, ErrOption)
	}
	for _, id := range a.prior {
		if err := a.held.Accept(id); err != nil {
			return fmt.Errorf("blitz: what the answer says already: %w: %w", err, ErrOption)
		}
	}
	return a.held.Begin(nil)
}

// before returns what may stand before the content: reasoning, where the prompt ends
// inside it, or the model may begin it.
func (a *Answer) before(r *Request, p prompt) grammar.Expr {
	format := a.engine.model.format
	switch {
	case a.parser == nil || !output.Reasons(format):
	case p.open:
		return reasoned
	case r.Think.Mode == ThinkOn, r.Think.Mode == ThinkDefault && output.MayReason(format):
		return mayReason
	}
	return grammar.Expr{}
}
