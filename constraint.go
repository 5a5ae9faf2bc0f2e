package blitz

import (
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/jinja"
)

// blank is whitespace before the content of an answer that a grammar holds.
var blank = grammar.Repeat(grammar.Class(grammar.Range{Lo: '\t', Hi: '\n'}, grammar.Range{Lo: '\r', Hi: '\r'}, grammar.Range{Lo: ' ', Hi: ' '}), 0, 8)

// maxGrammars bounds, in bytes, the grammars that a model keeps.
const maxGrammars = 64 << 20

// Grammar returns the grammar with a key, which compile makes where the model keeps none
// with it: one that was used lately has found out already what may come next in it.
func (m *Model) Grammar(key string, compile func() (*grammar.Grammar, error)) (*grammar.Grammar, error) {
	return m.grammars.Get(key, compile)
}

// constrain makes the guide of what the request wants the answer to be: reasoning is
// free, what follows it is held. The tokens and the text that the answer has already are
// read.
func (a *Answer) constrain(r *Request, p prompt) error {
	m := a.engine.model
	if a.engine.far != nil && r.Schema != nil {
		return nil // the other process holds it
	}
	format := m.formatOf(r, p)
	g, err := m.holding(r, format)
	if g == nil || err != nil {
		return err
	}
	v := m.grammarTokens()
	if v.err != nil {
		return v.err
	}
	said := strings.TrimSpace(r.Said) // see continued
	if r.Continue {
		said, _ = r.Messages[len(r.Messages)-1].Content.Text()
		said = strings.TrimSpace(said)
	} else if before := beforeContent(r, p, format); r.Said == "" && before != (grammar.Expr{}) {
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

// holding returns the grammar of content and calls together, nil where both are free.
func (m *Model) holding(r *Request, format string) (*grammar.Grammar, error) {
	content, calls := r.Grammar, r.Calls
	if r.Schema != nil {
		var err error
		content, err = m.Grammar("schema\x00"+string(r.Schema), func() (*grammar.Grammar, error) { return grammar.Schema(r.Schema, nil) })
		if err != nil {
			return nil, err
		}
	}
	switch {
	case calls.IsZero() && (content == nil || r.Tools == nil):
		return content, nil
	case format == "" && !calls.Required && !calls.HoldsArguments(): // no call is read, be it one or several
		return content, nil
	case content != nil && !calls.Required: // beside content that is held
		calls.Required = true
		alone, err := m.callsGrammar(r.Tools, calls, format)
		if err != nil {
			return nil, err
		}
		return grammar.Either(content, alone, nil)
	}
	return m.callsGrammar(r.Tools, calls, format)
}

// callsGrammar returns the grammar of calls of tools.
func (m *Model) callsGrammar(tools []jinja.Value, c output.Calls, format string) (*grammar.Grammar, error) {
	if format == "" {
		return nil, fmt.Errorf("blitz: the form of the model's calls is not known: %w", output.ErrCalls)
	}
	raw, err := rawTools(tools)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("calls %s %+v\x00", format, c)
	for _, t := range raw {
		key += string(t) + "\x00"
	}
	return m.Grammar(key, func() (*grammar.Grammar, error) { return output.Grammar(format, raw, c, nil) })
}

// beforeContent returns what may stand before the content: reasoning, where the prompt
// ends inside it, or the model may begin it.
func beforeContent(r *Request, p prompt, format string) grammar.Expr {
	tags := output.ReasoningOf(format)
	rest := grammar.Seq(grammar.Free(tags.End), grammar.Special(tags.End), blank) // of reasoning that was begun
	switch {
	case !output.Reasons(format):
	case p.open:
		return rest
	case r.Think.Mode == ThinkOn, r.Think.Mode == ThinkDefault && output.MayReason(format):
		begin, name, _ := strings.Cut(tags.Begin, ">") // what follows the token of a channel is text
		if name != "" {
			begin += ">"
		} else {
			begin = tags.Begin
		}
		return grammar.Or(grammar.Expr{}, grammar.Seq(blank, grammar.Special(begin), grammar.Literal(name), rest))
	}
	return grammar.Expr{}
}
